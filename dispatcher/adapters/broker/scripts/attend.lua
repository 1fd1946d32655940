-- Note that a process takes from this broker, and forget those that have not said so for a lease.
-- KEYS  1 takers
-- ARGV  1 the process, 2 lease in seconds, 3 whether it stays: 1, or 0 when it leaves
-- Returns how many take.

local now = clock()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
if ARGV[3] == '1' then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return redis.call('ZCARD', KEYS[1])
