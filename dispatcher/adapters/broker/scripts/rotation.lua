-- Taking from lanes, in rotation.

local SORT_MESSAGES, SORT_BYTES, AT_ONCE = 512, 2097152, 64

local function last_turn(ring)
  local last = redis.call('ZRANGE', ring, -1, -1, 'WITHSCORES')
  return tonumber(last[2] or '0')
end

-- Move messages from a queue's list to their lanes, one by one: so nothing is ever only here, and
-- the server's log names them instead of repeating them. What is beyond the bounds waits for the
-- next call. An organization that had no lane is last in the ring: all others have one turn first.
-- Returns whether it could; a server out of memory moves nothing.
local function sort(list)
  local ring, moved, bytes, seen = ring_of(list), 0, 0, {}
  local turn = last_turn(ring) + 1
  while moved < SORT_MESSAGES and bytes < SORT_BYTES do
    local raws = redis.call('LRANGE', list, -AT_ONCE, -1)
    for place = #raws, 1, -1 do
      local organization = organization_of(raws[place])
      local lane = lane_of(list, organization)
      if type(redis.pcall('LMOVE', list, lane, 'RIGHT', 'LEFT')) == 'table' then return false end
      if not seen[organization] then
        seen[organization] = true
        redis.call('ZADD', ring, 'NX', turn, organization)
      end
      bytes = bytes + #raws[place]
    end
    moved = moved + #raws
    if #raws < AT_ONCE then break end
  end
  return true
end

-- Take from the lanes in rotation, as much from each as its share of the credit is.
-- `drain(list, most)` takes from one list and returns how many; `credit()` says how many may still
-- be taken; `limit` bounds what one organization gets, `limits` has those that differ.
local function rotate(list, drain, credit, limit, limits)
  local ring = ring_of(list)
  local turn, moves = nil, true
  while moves and credit() > 0 do
    moves = false
    local organizations = redis.call('ZRANGE', ring, 0, credit())
    local share = math.max(1, math.floor(credit() / math.max(1, #organizations)))
    for _, organization in ipairs(organizations) do
      local lane, left = lane_of(list, organization), limits[organization] or limit
      local most = math.min(share, left, credit())
      local taken = most > 0 and drain(lane, most) or 0
      limits[organization] = left - taken
      if redis.call('EXISTS', lane) == 0 then
        redis.call('ZREM', ring, organization)
      elseif taken > 0 and #organizations > 1 then
        turn = (turn or last_turn(ring)) + 1
        redis.call('ZADD', ring, turn, organization)
      end
      moves = moves or taken > 0
    end
  end
end
