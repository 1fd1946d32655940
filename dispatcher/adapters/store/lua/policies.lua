-- Reads and writes policies; every write is one atomic step with the store's own time.
--
-- ARGV: the keys' prefix, then for each operation its name, how many arguments, and these.
--
-- A policy, prefix policy:<owner>: sequence, created and changed (microseconds), and one field
-- `on:<switch>` for each switch. After a removal only the sequence is left: it never falls.
-- Its changes, prefix policy-log:<owner>, a list for auditors: "<sequence> <time> <effect> <switch>=<0|1> ...".

local prefix = ARGV[1]
local call = redis.call
local DEFAULT = '*'
local CHANGES_KEPT = 1000

local clock = call('TIME')
local now = string.format('%s%06d', clock[1], tonumber(clock[2]))

local function key_of(owner)
  return prefix .. 'policy:' .. owner
end

-- The owner's policy as names and values, or false; after a removal only the sequence is there.
local function own(owner)
  local flat = call('HGETALL', key_of(owner))
  return #flat > 2 and flat
end

local function by_name(flat)
  local fields = {}
  for at = 1, flat and #flat or 0, 2 do fields[flat[at]] = flat[at + 1] end
  return fields
end

local function note(owner, effect, sequence, written)
  local key = prefix .. 'policy-log:' .. owner
  call('RPUSH', key, table.concat({ sequence, now, effect, unpack(written) }, ' '))
  call('LTRIM', key, -CHANGES_KEPT, -1)
end

local operations = {}

function operations.load(owner)
  return own(owner)
end

function operations.effective(org)
  local flat = own(org)
  if flat then return { org, flat } end
  flat = own(DEFAULT)
  return flat and { DEFAULT, flat }
end

function operations.put(owner, presence, ...)
  local flat = own(owner)
  if (presence == 'absent' and flat) or (presence == 'present' and not flat) then
    return { 'refused', flat }
  end
  local before, changes, written = by_name(flat), {}, {}
  for at = 1, select('#', ...), 2 do
    local switch, value = select(at, ...), select(at + 1, ...)
    if not flat or (before['on:' .. switch] or '0') ~= value then
      changes[#changes + 1] = 'on:' .. switch
      changes[#changes + 1] = value
      written[#written + 1] = switch .. '=' .. value
    end
  end
  if flat and #changes == 0 then return { 'unchanged', flat } end
  local key, effect = key_of(owner), flat and 'changed' or 'created'
  local sequence = call('HINCRBY', key, 'sequence', 1)
  if not flat then call('HSET', key, 'created', now) end
  call('HSET', key, 'changed', now, unpack(changes))
  note(owner, effect, sequence, written)
  return { effect, own(owner) }
end

function operations.remove(owner)
  local flat = own(owner)
  if not flat then return false end
  local key = key_of(owner)
  local sequence = call('HINCRBY', key, 'sequence', 1)
  call('HSET', key, 'changed', now)
  local removed = own(owner)
  for field in pairs(by_name(flat)) do
    if field ~= 'sequence' then call('HDEL', key, field) end
  end
  note(owner, 'removed', sequence, {})
  return removed
end

local replies, at = {}, 2
while at <= #ARGV do
  local last = at + 1 + tonumber(ARGV[at + 1])
  -- One broken record must not stop the reads that travel with it.
  local worked, reply = pcall(operations[ARGV[at]], unpack(ARGV, at + 2, last))
  if not worked then
    reply = { err = type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[#replies + 1] = reply
  at = last + 1
end
return replies
