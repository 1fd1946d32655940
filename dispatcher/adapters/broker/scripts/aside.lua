-- Put something aside that cannot be run, with the reason. Bounded: a producer gone mad must not
-- fill the server. Each item keeps 64 KiB; all together keep 64 MiB, then only what and why; and
-- beyond 10,000 items, each is only counted by its reason.
-- KEYS  3 quarantine, 4 quarantine index, 5 quarantine totals

local MOST_ITEMS, MOST_BYTES, ITEM_BYTES = 10000, 67108864, 65536

local function put_aside(id, meta, raw, now)
  if redis.call('HLEN', KEYS[3]) >= MOST_ITEMS then
    redis.call('HINCRBY', KEYS[5], 'unlisted:' .. meta.reason, 1)
    return
  end
  local bytes = tonumber(redis.call('HGET', KEYS[5], 'bytes') or '0')
  local kept = string.sub(raw, 1, math.max(0, math.min(ITEM_BYTES, MOST_BYTES - bytes)))
  meta.size = #raw
  redis.call('HSET', KEYS[3], id, cjson.encode(meta) .. '\n' .. kept)
  redis.call('ZADD', KEYS[4], now, id)
  redis.call('HINCRBY', KEYS[5], 'bytes', #kept)
end

