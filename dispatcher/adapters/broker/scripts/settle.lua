-- Forget in-flight entries whose messages are done: both traces of each, or neither.
-- KEYS  1 unacked, 2 unacked_index
-- ARGV  tags

for first = 1, #ARGV, 1000 do
  local last = math.min(first + 999, #ARGV)
  redis.call('HDEL', KEYS[1], unpack(ARGV, first, last))
  redis.call('ZREM', KEYS[2], unpack(ARGV, first, last))
end
return #ARGV
