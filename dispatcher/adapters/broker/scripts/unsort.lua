-- Put lanes back into their queue's list, for workers that know no lanes; oldest messages last in,
-- so that they are first out.
-- KEYS  1 the queue's list
-- ARGV  1 most messages to move
-- Returns how many it moved; fewer than asked for when there is nothing left.

local ring, left = ring_of(KEYS[1]), tonumber(ARGV[1])
for _, organization in ipairs(redis.call('ZREVRANGE', ring, 0, -1)) do
  local lane = lane_of(KEYS[1], organization)
  while left > 0 and redis.call('LMOVE', lane, KEYS[1], 'LEFT', 'RIGHT') do left = left - 1 end
  if left == 0 then break end
  redis.call('ZREM', ring, organization)
end
return tonumber(ARGV[1]) - left
