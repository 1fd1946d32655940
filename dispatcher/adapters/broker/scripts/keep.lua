-- Renew the leases of what a live process holds; then, when asked, give back what nobody renewed.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index, 5 quarantine totals
-- ARGV  1 key prefix, 2 priority separator, 3 priority steps (JSON), 4 lease in seconds,
--       5 visibility timeout in seconds of entries that are not ours, 6 most to give back
--       (0 = only renew), then the tags to renew
-- Returns how many were given back.

local now = clock()
for first = 7, #ARGV, 1000 do
  local renewed = {}
  for position = first, math.min(first + 999, #ARGV) do
    renewed[#renewed + 1] = now
    renewed[#renewed + 1] = ARGV[position]
  end
  redis.call('ZADD', KEYS[2], 'XX', unpack(renewed))
end

local most = tonumber(ARGV[6])
if most == 0 then return 0 end

-- An entry that no index names would lie for ever; named now, it lapses like any other.
if redis.call('HLEN', KEYS[1]) > redis.call('ZCARD', KEYS[2]) then
  for _, tag in ipairs(redis.call('HKEYS', KEYS[1])) do
    redis.call('ZADD', KEYS[2], 'NX', now, tag)
  end
end

local lapsed = redis.call(
  'ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[4]), 'WITHSCORES', 'LIMIT', 0, most)
local steps, foreign, given = cjson.decode(ARGV[3]), now - tonumber(ARGV[5]), 0
for position = #lapsed - 1, 1, -2 do
  local tag = lapsed[position]
  -- A stock worker renews nothing: its entries have until its visibility timeout.
  if string.sub(tag, 1, 3) == 'nd.' or tonumber(lapsed[position + 1]) < foreign then
    given = given + give_back(tag, ARGV[1], ARGV[2], steps)
  end
end
return given
