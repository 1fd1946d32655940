-- Writes policies; every write is one atomic step with the store's own time.
--
-- ARGV: the keys' prefix, then for each operation its name, how many arguments, and these.
--
-- A policy, prefix policy:<owner>, separated by tabs: sequence, created and changed
-- (microseconds), and <switch>=<0|1> for each switch. After a removal only the sequence is left:
-- it never falls. Whoever reads it needs no script. Its changes, prefix policy-changes:<owner>, are
-- a list for auditors, separated by tabs: sequence, time, effect, who, then -<switch>=<0|1> for each
-- switch before and +<switch>=<0|1> for each one after.

local prefix = ARGV[1]
local call = redis.call
local CHANGES_KEPT = 1000

local clock = call('TIME')
local now = string.format('%s%06d', clock[1], tonumber(clock[2]))

local function key_of(owner)
  return prefix .. 'policy:' .. owner
end

-- The owner's policy as text, or false, and the sequence.
local function own(owner)
  local text = call('GET', key_of(owner))
  local sequence = text and tonumber(string.match(text, '^%d+')) or 0
  if text and not string.find(text, '\t', 1, true) then text = false end
  return text, sequence
end

local function signed(sign, text)
  return text and string.gsub(string.match(text, '^%d+\t%d+\t%d+(.*)$'), '\t', '\t' .. sign) or ''
end

local function note(owner, effect, sequence, by, before, after)
  local key = prefix .. 'policy-changes:' .. owner
  local change = table.concat({ sequence, now, effect, by }, '\t')
  call('RPUSH', key, change .. signed('-', before) .. signed('+', after))
  call('LTRIM', key, -CHANGES_KEPT, -1)
end

-- The switches in the order they were first set, and each one's place in that order.
local function switches_of(text)
  local order, values = {}, {}
  for name, value in string.gmatch(text or '', '\t([^\t=]*)=([01])') do
    order[#order + 1] = name
    values[name] = value
  end
  return order, values
end

local function with(sequence, created, order, values)
  local columns = { sequence, created, now }
  for _, name in ipairs(order) do columns[#columns + 1] = name .. '=' .. values[name] end
  return table.concat(columns, '\t')
end

local operations = {}

function operations.put(owner, by, presence, ...)
  local text, sequence = own(owner)
  if (presence == 'absent' and text) or (presence == 'present' and not text) then
    return { 'refused', text }
  end
  local order, values = switches_of(text)
  local differs = not text
  for at = 1, select('#', ...), 2 do
    local name, value = select(at, ...), select(at + 1, ...)
    if not text or values[name] ~= value then
      if not values[name] then order[#order + 1] = name end
      values[name] = value
      differs = true
    end
  end
  if not differs then return { 'unchanged', text } end
  local created = text and string.match(text, '^%d+\t(%d+)') or now
  local effect, new = text and 'changed' or 'created', with(sequence + 1, created, order, values)
  call('SET', key_of(owner), new)
  note(owner, effect, sequence + 1, by, text, new)
  return { effect, new }
end

function operations.remove(owner, by)
  local text, sequence = own(owner)
  if not text then return false end
  local created = string.match(text, '^%d+\t(%d+)')
  local removed = with(sequence + 1, created, switches_of(text))
  call('SET', key_of(owner), sequence + 1)
  note(owner, 'removed', sequence + 1, by, text, nil)
  return removed
end

local replies, at = {}, 2
while at <= #ARGV do
  local last = at + 1 + tonumber(ARGV[at + 1])
  -- One broken record must not stop the writes that travel with it.
  local worked, reply = pcall(operations[ARGV[at]], unpack(ARGV, at + 2, last))
  if not worked then
    reply = { err = type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[#replies + 1] = reply
  at = last + 1
end
return replies
