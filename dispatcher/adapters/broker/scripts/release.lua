-- Take an item out of the quarantine: for good, or back on a queue.
-- KEYS  1 quarantine, 2 quarantine index, 3 quarantine totals, 4 the queue's list (or none)
-- ARGV  1 id
-- Returns 1, or 0 when it is not there, or should go back and not all of it was kept.

local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return 0 end
local meta, raw = string.match(entry, '^(.-)\n(.*)$')
if KEYS[4] then
  if cjson.decode(meta).size ~= #raw then return 0 end
  redis.call('LPUSH', KEYS[4], raw)
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'bytes', -#raw)
return 1
