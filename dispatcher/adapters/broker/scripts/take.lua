-- Take messages: off the queue and into the in-flight entries in one atomic step, by server time.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index, 5 quarantine totals, then
--       each queue's lists in order of priority
-- ARGV  1 tag prefix, 2 first tag number, 3 most bytes of one message, 4 most bytes of this reply,
--       5 the organization of which most is in flight here, 6 how many more it may have, 7 how many
--       more any other may have, 8 length of a list up to which it is through before anybody minds,
--       9 number of credit pots, then each pot's credit, then per queue: pot, number of lists, JSON
--       name
-- Returns one list of messages per queue, then one state per queue: 0 there may be more, 1 empty,
-- 2 only of organizations that have all they may. The n-th message has tag number first + n.

local now = redis.call('TIME')
local score = string.format('%d.%06d', now[1], now[2])
local prefix, number = ARGV[1], tonumber(ARGV[2])
local biggest, room = tonumber(ARGV[3]), tonumber(ARGV[4])
local foremost, its_limit, limit = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local short = tonumber(ARGV[8])
local pots, position = {}, 10
for pot = 1, tonumber(ARGV[9]) do
  pots[pot] = tonumber(ARGV[position])
  position = position + 1
end

local entries, index, reply, states, watched, refused = {}, {}, {}, {}, {}, 0

-- Take at most so many from a list; return how many.
local function drain(list, pot, name, taken, most)
  local wanted = math.min(pots[pot], most)
  local left = wanted
  while left > 0 and room > 0 do
    local raws = redis.pcall('RPOP', list, math.min(left, 32))
    -- What was popped already must not be lost over a key of another kind.
    if not raws or raws.err then break end
    for _, raw in ipairs(raws) do
      if #raw > biggest then
        refused = refused + 1
        local meta = {reason = 'too_large', queue = cjson.decode('[' .. name .. ']')[1]}
        put_aside(prefix .. 'x' .. ARGV[2] .. '.' .. refused, meta, raw, score)
      else
        local tag = prefix .. string.format('%012d', number)
        number = number + 1
        left = left - 1
        room = room - #raw
        entries[#entries + 1] = tag
        entries[#entries + 1] = '[' .. raw .. ', "", ' .. name .. ']'
        index[#index + 1] = score
        index[#index + 1] = tag
        taken[#taken + 1] = raw
      end
    end
  end
  pots[pot] = pots[pot] - (wanted - left)
  return wanted - left
end

-- Whether to look whose messages these are. Only the first pot is shared; a queue with credit of
-- its own keeps its order. A list so short that all of it may be the foremost's is taken as it is.
local function is_fair(list, pot)
  if pot > 1 then return false end
  local length = redis.call('LLEN', list)
  return length > short or (length > its_limit and pots[pot] > its_limit)
    or redis.call('EXISTS', ring_of(list)) == 1
end

local function take_fairly(list, pot, name, taken)
  local is_sorted = sort(list)
  rotate(
    list,
    function(lane, most) return drain(lane, pot, name, taken, most) end,
    function() return room > 0 and pots[pot] or 0 end,
    limit,
    {[foremost] = its_limit, [''] = pots[pot]})
  if not is_sorted then drain(list, pot, name, taken, pots[pot]) end
end

-- What is left of a queue that credit was left for.
local function state_of(first, last)
  for list = first, last do
    if redis.call('EXISTS', KEYS[list]) == 1 then return 0 end
  end
  return redis.call('EXISTS', ring_of(KEYS[first])) == 1 and 2 or 1
end

local key = 6
while position <= #ARGV do
  local pot, lists, name = tonumber(ARGV[position]), tonumber(ARGV[position + 1]), ARGV[position + 2]
  position = position + 3
  local taken, last, state = {}, key + lists - 1, 0
  if is_fair(KEYS[key], pot) then
    take_fairly(KEYS[key], pot, name, taken)
  else
    drain(KEYS[key], pot, name, taken, pots[pot])
  end
  for list = key + 1, last do drain(KEYS[list], pot, name, taken, pots[pot]) end
  if pots[pot] > 0 and room > 0 then state = state_of(key, last) end
  if state > 0 then
    for list = key, last do watched[#watched + 1] = KEYS[list] end
    watched[#watched + 1] = ring_of(KEYS[key])
  end
  key = key + lists
  reply[#reply + 1] = taken
  states[#states + 1] = state
end

-- Lua unpacks at most some thousand values at once.
for first = 1, #entries, 1000 do
  local last = math.min(first + 999, #entries)
  redis.call('HSET', KEYS[1], unpack(entries, first, last))
  redis.call('ZADD', KEYS[2], unpack(index, first, last))
end

-- Reading what came up empty has the server tell this connection when it fills (CLIENT TRACKING).
if #watched > 0 then redis.call('EXISTS', unpack(watched)) end
for _, state in ipairs(states) do reply[#reply + 1] = state end
return reply
