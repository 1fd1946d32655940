-- Keeps suppressions; every call is one atomic step with the store's own time.
--
-- ARGV: the keys' prefix, the operation's name, and its arguments.
--
-- A suppression, prefix suppressed:<scope>:<fingerprint>, separated by tabs: reason, since, until
-- (microseconds; until is 0 where it never lapses), event id, detail. The key expires at until, so
-- whoever reads it needs no script. Two indexes, prefix suppressions (all) and prefix
-- suppressions:<scope>, hold "<since, 16 digits>:<scope>:<fingerprint>", in the order of their
-- bytes; prefix suppressions~until holds those that lapse, by when.

local prefix = ARGV[1]
local call = redis.call

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]

local ALL, LAPSING = prefix .. 'suppressions', prefix .. 'suppressions~until'
local OPERATOR = 'operator'

local function key_of(scope, recipient)
  return prefix .. 'suppressed:' .. scope .. ':' .. recipient
end

local function index_of(scope)
  return scope == '' and ALL or ALL .. ':' .. scope
end

local function member_of(scope, recipient, text)
  return string.format('%016d:%s:%s', tonumber(string.match(text, '^[^\t]*\t(%d+)')), scope, recipient)
end

local function forget(member)
  local scope = string.match(member, '^%d+:([^:]*):')
  call('ZREM', ALL, member)
  call('ZREM', index_of(scope), member)
  call('ZREM', LAPSING, member)
end

-- What lapsed leaves the indexes, too.
local function sweep()
  for _, member in ipairs(call('ZRANGEBYSCORE', LAPSING, '-inf', now)) do forget(member) end
end

local function keep(scope, recipient, columns)
  local text, ends = table.concat(columns, '\t'), tonumber(columns[3])
  local key, member = key_of(scope, recipient), member_of(scope, recipient, text)
  call('SET', key, text)
  call('ZADD', ALL, 0, member)
  call('ZADD', index_of(scope), 0, member)
  if ends > 0 then
    call('PEXPIREAT', key, math.ceil(ends / 1000))
    call('ZADD', LAPSING, ends, member)
  else
    call('ZREM', LAPSING, member)
  end
  return text
end

local operations = {}

-- Answers with what is kept now, and what was kept before or false. The first since stays, and so
-- does what an operator said; a further bounce prolongs the one before.
function operations.add(scope, recipient, reason, since, ends, event, detail)
  sweep()
  local before = call('GET', key_of(scope, recipient))
  if not before then
    return { keep(scope, recipient, { reason, since, ends, event, detail }), false }
  end
  local kept, first, till, its_event, its_detail =
    string.match(before, '^([^\t]*)\t(%d+)\t(%d+)\t([^\t]*)\t(.*)$')
  if reason == OPERATOR then
    local said = detail ~= '' and detail or (kept == OPERATOR and its_detail or '')
    return { keep(scope, recipient, { reason, first, '0', '', said }), before }
  elseif kept == OPERATOR then
    return { before, before }
  end
  if tonumber(till) > tonumber(ends) then ends = till end
  return { keep(scope, recipient, { reason, first, ends, its_event, its_detail }), before }
end

-- Answers with what was removed, or false; where a reason is given, only what has it is.
function operations.remove(scope, recipient, reason)
  sweep()
  local key = key_of(scope, recipient)
  local text = call('GET', key)
  if not text or (reason ~= '' and string.match(text, '^[^\t]*') ~= reason) then return false end
  call('DEL', key)
  forget(member_of(scope, recipient, text))
  return text
end

-- Answers with members and texts in turn, newest first, behind a member or from the newest on.
function operations.page(scope, behind, limit)
  sweep()
  local from = behind == '' and '+' or '(' .. behind
  local members = call('ZRANGE', index_of(scope), from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
  local page = {}
  for _, member in ipairs(members) do
    local of, recipient = string.match(member, '^%d+:([^:]*):(.*)$')
    page[#page + 1] = member
    page[#page + 1] = call('GET', key_of(of, recipient))
  end
  return page
end

function operations.count(scope)
  sweep()
  return call('ZCARD', index_of(scope))
end

return operations[ARGV[2]](unpack(ARGV, 3))
