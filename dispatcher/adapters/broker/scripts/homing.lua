-- Shared by the scripts that give messages back. An in-flight entry is the JSON list
-- [message, exchange, routing key] that kombu writes; ours name the queue itself and no exchange.

local function queue_of(exchange, routing_key, prefix, separator)
  if exchange == '' then return routing_key end
  for _, member in ipairs(redis.call('SMEMBERS', prefix .. '_kombu.binding.' .. exchange)) do
    local first = string.find(member, separator, 1, true)
    local last = first and string.find(member, separator, first + #separator, true)
    if last and string.sub(member, 1, first - 1) == routing_key then
      return string.sub(member, last + #separator)
    end
  end
  return routing_key
end

local function step_of(raw, steps)
  local ok, message = pcall(cjson.decode, raw)
  local properties = ok and type(message) == 'table' and message.properties
  local priority = type(properties) == 'table' and tonumber(properties.priority) or 0
  local step = steps[1]
  for _, candidate in ipairs(steps) do
    if candidate <= priority then step = candidate end
  end
  return step
end

-- The list an in-flight entry belongs to, and the message byte for byte as the producer wrote it.
local function home(entry, prefix, separator, steps)
  local raw, exchange, routing_key = string.match(entry, '^%[(.*), ("[^"]*"), ("[^"]*")%]$')
  if not raw then return nil, entry end
  exchange = cjson.decode('[' .. exchange .. ']')[1]
  routing_key = cjson.decode('[' .. routing_key .. ']')[1]
  local key = prefix .. queue_of(exchange, routing_key, prefix, separator)
  local step = step_of(raw, steps)
  if step ~= 0 then key = key .. separator .. step end
  return key, raw
end

local function forget(tag)
  redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
end

-- Back on the consuming end of its queue; a no-op when somebody else already took the entry over.
local function give_back(tag, prefix, separator, steps)
  local entry = redis.call('HGET', KEYS[1], tag)
  forget(tag)
  if not entry then return 0 end
  local key, raw = home(entry, prefix, separator, steps)
  if not key then
    put_aside(tag, {reason = 'entry', queue = ''}, raw, clock())
    return 0
  end
  put_back(key, raw)
  return 1
end

