-- Move in-flight entries that are no task message to the quarantine.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index
-- ARGV  1 bytes kept, then per entry: tag, meta (JSON)

local kept, moved = tonumber(ARGV[1]), 0
for position = 2, #ARGV, 2 do
  local tag = ARGV[position]
  local entry = redis.call('HGET', KEYS[1], tag)
  if entry then
    local raw = string.match(entry, '^%[(.*), "[^"]*", "[^"]*"%]$') or entry
    redis.call('HSET', KEYS[3], tag, ARGV[position + 1] .. '\n' .. string.sub(raw, 1, kept))
    redis.call('ZADD', KEYS[4], clock(), tag)
    moved = moved + 1
  end
  forget(tag)
end
return moved
