-- Malformed events: dead letters that go by their id or, where that is another's, by their receipt.

local any_revived = nil

local function forget_revival(name, record)
  if record.m == '1' then
    call('HDEL', REVIVED, org_of(name) .. ':' .. record.q)
    any_revived = nil
  end
end

local function remember_revival(org, record, name)
  call('HSET', REVIVED, org .. ':' .. record.q, name)
  any_revived = nil
end

local function revived_letter(org, receipt)
  if any_revived == nil then any_revived = call('EXISTS', REVIVED) == 1 end
  return any_revived and call('HGET', REVIVED, org .. ':' .. receipt)
end

local function to_dead(name, reason)
  close(name)
  call('ZADD', DEAD, NOW, name)
  conclude(name, 'dead', reason, 1)
end

-- Another name for the same record: a letter that steps aside for, or becomes, a valid event.
local function rename(from, to)
  local died = call('ZSCORE', DEAD, from)
  if died then
    call('ZREM', DEAD, from)
    call('ZADD', DEAD, died, to)
  end
  local time = due_of(from)
  put(RECORD .. to, text_of(RECORD .. from))
  put(EVENT .. to, text_of(EVENT .. from) or '{}')
  erase(from)
  if time then plan(to, time) end
end

local function is_free(name)
  return not text_of(RECORD .. name) and not finished(name)
end

-- The tilde is in no valid id, so the last resort is always free.
local function letter_name(org, receipt)
  local own = org .. ':' .. receipt
  return receipt ~= '' and is_free(own) and own or org .. ':~' .. receipt
end

local function step_aside(name, record)
  local org = org_of(name)
  local letter = letter_name(org, record.q)
  rename(name, letter)
  if record.s ~= 'dead' then remember_revival(org, record, letter) end
end

-- A revived letter turns out to hold an event that is known: its own story ends as a duplicate.
local function letter_is_duplicate(letter)
  local record = read(letter)
  forget_revival(letter, record)
  local digest, bucket = place(letter)
  finish(letter, digest, bucket, record, 'skipped:duplicate')
  conclude(letter, 'skipped', 'duplicate', 1)
  return 'duplicate'
end

-- Whether this very letter is kept under that name already; a revived one is buried again.
local function is_kept(name, receipt, detail)
  local record = read(name)
  if not record then
    local done = finished(name)
    return done and done.s == 'dead:malformed' and done.q == receipt
  end
  if record.m ~= '1' or record.q ~= receipt then return false end
  if record.s ~= 'dead' then
    record.s, record.r, record.x, record.v = 'dead', 'malformed', detail, ''
    save(name, record)
    to_dead(name, 'malformed')
    forget_revival(name, record)
  end
  return true
end

function operations.reject(org, id, receipt, detail, evidence)
  for _, known_by in ipairs({ id, receipt, '~' .. receipt }) do
    if known_by ~= '' and is_kept(org .. ':' .. known_by, receipt, detail) then return 0 end
  end
  local own = org .. ':' .. id
  local name = id ~= '' and is_free(own) and own or letter_name(org, receipt)
  save(name, setmetatable({ s = 'dead', a = now, k = 0, n = 0, z = '', q = receipt,
    r = 'malformed', x = detail, m = '1' }, PLAIN))
  put(EVENT .. name, evidence)
  accept(name)
  to_dead(name, 'malformed')
  return 1
end

function operations.revive(name, as_it_was)
  local record = read(name)
  if not record or record.s ~= 'dead' or (as_it_was == '1' and record.h == '') then return 0 end
  if record.h ~= '' then record.h = as_it_was == '1' and '2' or '1' end
  conclude(name, 'dead', record.r, -1)
  record.s, record.r, record.b, record.v = 'deferred', '', record.u, NOW
  save(name, record)
  call('ZREM', DEAD, name)
  plan(name, NOW)
  if record.m == '1' then remember_revival(org_of(name), record, name) end
  return 1
end

function operations.drop(name)
  local record = read(name)
  if not record or record.s ~= 'dead' then return 0 end
  call('ZREM', DEAD, name)
  local digest, bucket = place(name)
  finish(name, digest, bucket, record, 'dead:' .. record.r)
  return 1
end
