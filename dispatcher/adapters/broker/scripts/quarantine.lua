-- Move in-flight entries that are no task message to the quarantine.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index, 5 quarantine totals
-- ARGV  per entry: tag, meta (JSON)

local moved = 0
for position = 1, #ARGV, 2 do
  local tag = ARGV[position]
  local entry = redis.call('HGET', KEYS[1], tag)
  if entry then
    local raw = string.match(entry, '^%[(.*), "[^"]*", "[^"]*"%]$') or entry
    put_aside(tag, cjson.decode(ARGV[position + 1]), raw, clock())
    moved = moved + 1
  end
  redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
end
return moved
