-- Take messages: off the queue and into the in-flight entries in one atomic step, by server time.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index, 5 quarantine totals, then
--       each queue's lists in order of priority
-- ARGV  1 tag prefix, 2 first tag number, 3 most bytes of one message, 4 most bytes of this reply,
--       5 number of credit pots, then each pot's credit, then per queue: pot, number of lists,
--       JSON name
-- Returns one list of messages per queue, then 1 when no list holds more than credit was left for,
-- else 0; the n-th message overall has tag number first + n.

local now = redis.call('TIME')
local score = string.format('%d.%06d', now[1], now[2])
local prefix, number = ARGV[1], tonumber(ARGV[2])
local biggest, room = tonumber(ARGV[3]), tonumber(ARGV[4])
local pots, position = {}, 6
for pot = 1, tonumber(ARGV[5]) do
  pots[pot] = tonumber(ARGV[position])
  position = position + 1
end

local entries, index, reply, dry, refused = {}, {}, {}, {}, 0

local function drain(list, pot, name, taken)
  while pots[pot] > 0 and room > 0 do
    local raws = redis.call('RPOP', list, math.min(pots[pot], 32))
    if not raws then return end
    for _, raw in ipairs(raws) do
      if #raw > biggest then
        refused = refused + 1
        local meta = {reason = 'too_large', queue = cjson.decode('[' .. name .. ']')[1]}
        put_aside(prefix .. 'x' .. ARGV[2] .. '.' .. refused, meta, raw, score)
      else
        local tag = prefix .. string.format('%012d', number)
        number = number + 1
        pots[pot] = pots[pot] - 1
        room = room - #raw
        entries[#entries + 1] = tag
        entries[#entries + 1] = '[' .. raw .. ', "", ' .. name .. ']'
        index[#index + 1] = score
        index[#index + 1] = tag
        taken[#taken + 1] = raw
      end
    end
  end
end

local key = 6
while position <= #ARGV do
  local pot, lists, name = tonumber(ARGV[position]), tonumber(ARGV[position + 1]), ARGV[position + 2]
  position = position + 3
  local taken = {}
  for list = key, key + lists - 1 do
    drain(KEYS[list], pot, name, taken)
  end
  if pots[pot] > 0 then
    for list = key, key + lists - 1 do dry[#dry + 1] = KEYS[list] end
  end
  key = key + lists
  reply[#reply + 1] = taken
end

-- Lua unpacks at most some thousand values at once.
for first = 1, #entries, 1000 do
  local last = math.min(first + 999, #entries)
  redis.call('HSET', KEYS[1], unpack(entries, first, last))
  redis.call('ZADD', KEYS[2], unpack(index, first, last))
end

-- Reading what came up empty has the server tell this connection when it fills (CLIENT TRACKING).
if #dry > 0 then redis.call('EXISTS', unpack(dry)) end
reply[#reply + 1] = room > 0 and 1 or 0
return reply
