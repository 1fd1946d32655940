-- Every write to a delivery's state. One call carries many operations, each one atomic step.
--
-- ARGV after the common ones: lease and requeue horizon in milliseconds, then for each
-- operation its name and its arguments.
--
-- A record's place is the sorted set `due` (lease end or due time) while it is open, and `dead`
-- (when it died) while it is dead.

local lease, horizon = tonumber(ARGV[3]), tonumber(ARGV[4])
local HISTORY = 30

local deltas, logged, any_revived = {}, false, nil

local function count(org, field, by)
  for _, key in ipairs({ TOTAL, org ~= '' and TOTAL .. ':' .. org or nil }) do
    local fields = deltas[key]
    if not fields then
      fields = { org = key ~= TOTAL and org or nil, by = {} }
      deltas[key] = fields
    end
    fields.by[field] = (fields.by[field] or 0) + by
  end
end

local function settle_counts()
  for key, fields in pairs(deltas) do
    for field, by in pairs(fields.by) do
      local total = by ~= 0 and call('HINCRBY', key, field, by)
      if field == 'accepted' and total == by and fields.org then call('SADD', ORGS, fields.org) end
    end
  end
end

local function accept(org)
  count(org, 'accepted', 1)
end

local function conclude(org, outcome, reason, by)
  count(org, outcome, by)
  if reason ~= '' then count(org, outcome .. ':' .. reason, by) end
end

local function save(name, r, event)
  r.c = now
  local text = table.concat({ r.s, r.r, r.a, r.c, r.k, r.n, r.u, r.b, r.d, r.y, r.z, r.m, r.t, r.p,
    r.f, r.x, r.h, r.q }, '\t')
  if event then
    call('HSET', record_key(name), 'm', text, 'e', event)
  else
    call('HSET', record_key(name), 'm', text)
  end
end

local function new_record(receipt)
  return { s = '', r = '', a = now, k = 0, n = 0, u = 0, b = 0, d = 0, y = '', z = '', m = '',
    t = '', p = '', f = '', x = '', h = '', q = receipt }
end

local function with_attempt(history, attempt)
  if attempt == '' then return history end
  if history == '' then return attempt end
  local lines = {}
  for line in string.gmatch(history, '[^\30]+') do lines[#lines + 1] = line end
  lines[#lines + 1] = attempt
  if #lines > HISTORY then table.remove(lines, 2) end
  return table.concat(lines, '\30')
end

local function unless_zero(number)
  return tonumber(number) == 0 and '' or number
end

-- Move a closed delivery to the log; only what a person may ask for later remains.
local function to_log(org, id, record, outcome, packed_org, packed_id)
  local rest = table.concat({ outcome, math.max(now - record.a, 0), record.k, record.n,
    unless_zero(record.u), unless_zero(record.d), record.t, record.p, record.f, record.x, record.h }, '\t')
  local entry_id = call('XADD', LOG, '*', 'o', packed_org or pack(org), 'i', packed_id or pack(id),
    'q', record.q, 'v', rest)
  local ms, seq = string.match(entry_id, '(%d+)-(%d+)')
  local field, bucket = place(org, id)
  local span = math.floor(now / SPAN)
  local index = index_key(span, bucket)
  call('HSET', index, field, struct.pack('>I6I2', ms, seq))
  if call('HLEN', index) == 1 then
    call('EXPIREAT', index, math.ceil(((span + 1) * SPAN + retention) / 1000))
  end
  call('DEL', record_key(org .. ':' .. id))
  logged = true
end

local function to_dead(org, name, reason)
  call('ZREM', DUE, name)
  call('ZADD', DEAD, now, name)
  conclude(org, 'dead', reason, 1)
end

local function forget_revival(org, record)
  if record.m == '1' then
    call('HDEL', REVIVED, org .. ':' .. record.q)
    any_revived = nil
  end
end

-- Another name for the same record: a letter that steps aside for, or becomes, a valid event.
local function rename(org, from, to)
  call('RENAME', record_key(org .. ':' .. from), record_key(org .. ':' .. to))
  for _, set in ipairs({ DUE, DEAD }) do
    local score = call('ZSCORE', set, org .. ':' .. from)
    if score then
      call('ZREM', set, org .. ':' .. from)
      call('ZADD', set, score, org .. ':' .. to)
    end
  end
end

-- The name a malformed letter goes by when its id is another's: its receipt. The tilde is in
-- no valid id, so the last resort is always free.
local function letter_name(org, packed_receipt)
  local receipt = unpacked(packed_receipt)
  local own = receipt ~= '' and call('EXISTS', record_key(org .. ':' .. receipt)) == 0
  return own and not finished(org, receipt) and receipt or '~' .. receipt
end

local function step_aside(org, id, record)
  local name = letter_name(org, record.q)
  rename(org, id, name)
  if record.s ~= 'dead' then call('HSET', REVIVED, org .. ':' .. record.q, name) end
end

local function revived_letter(org, receipt)
  if any_revived == nil then any_revived = call('EXISTS', REVIVED) == 1 end
  return any_revived and call('HGET', REVIVED, org .. ':' .. receipt)
end

-- Count a duplicate; nil if the last one had the same receipt: it is that one, brought again.
local function duplicate(org, last, receipt)
  local digest = sub(redis.sha1hex(receipt), 1, 16)
  if last == digest then return nil end
  accept(org)
  conclude(org, 'skipped', 'duplicate', 1)
  return digest
end

local function duplicate_of_finished(org, done, receipt)
  local times, last = string.match(sub(done.value, 9), '^(%d+):(%x+)$')
  local digest = duplicate(org, last, receipt)
  if digest then
    local value = sub(done.value, 1, 8) .. format('%d:%s', (times or 0) + 1, digest)
    call('HSET', done.index, done.field, value)
  end
  return 'duplicate'
end

local function duplicate_of_open(org, name, record, receipt)
  local digest = duplicate(org, record.y, receipt)
  if digest then
    record.d, record.y = record.d + 1, digest
    save(name, record)
  end
  return 'duplicate'
end

-- A revived letter turns out to hold an event that is known: its own story ends as a duplicate.
local function letter_is_duplicate(org, name)
  local record = read(org .. ':' .. name)
  forget_revival(org, record)
  call('ZREM', DUE, org .. ':' .. name)
  to_log(org, name, record, 'skipped:duplicate')
  conclude(org, 'skipped', 'duplicate', 1)
  return 'duplicate'
end

local function granted(record)
  return { tonumber(record.k), tonumber(record.n), record.u - record.b, tonumber(record.a) }
end

local function grant(org, id, record, nonce, event)
  local name, corrected = org .. ':' .. id, record.m == '1'
  if corrected then forget_revival(org, record) end
  record.s, record.r, record.x, record.m, record.z = 'claimed', '', '', '', nonce
  record.k, record.n = record.k + 1, record.n + 1
  save(name, record, corrected and event)
  call('ZADD', DUE, now + lease, name)
  return granted(record)
end

local function claim_unknown(org, id, receipt, nonce, event, last_token)
  local done, letter = finished(org, id), revived_letter(org, receipt)
  if done and done.s == 'dead:malformed' then
    call('HDEL', done.index, done.field)
    call('XDEL', LOG, done.id)
    last_token = done.k
    done = nil
  end
  if done then
    if done.q == receipt then return 'redelivered' end
    if letter then return letter_is_duplicate(org, letter) end
    return duplicate_of_finished(org, done, receipt)
  end
  if letter then
    rename(org, letter, id)
    return grant(org, id, read(org .. ':' .. id), nonce, event)
  end
  local name, record = org .. ':' .. id, new_record(receipt)
  record.s, record.k, record.n, record.z = 'claimed', last_token + 1, 1, nonce
  save(name, record, event)
  call('ZADD', DUE, now + lease, name)
  accept(org)
  return granted(record)
end

local function lease_ran_out(org, record)
  record.u = record.u + 1
  count(org, 'uncertain', 1)
end

local function claim_again(org, id, record, nonce, event)
  local name = org .. ':' .. id
  if record.s == 'claimed' and record.z == nonce then
    -- The reply to this very claim was lost; the claimant asks again.
    call('ZADD', DUE, now + lease, name)
    return granted(record)
  end
  if record.s == 'dead' then
    if record.m ~= '1' then return 'redelivered' end
    call('ZREM', DEAD, name)
    conclude(org, 'dead', record.r, -1)
  elseif record.s ~= 'queued' then
    if tonumber(call('ZSCORE', DUE, name)) > now then return 'redelivered' end
    if record.s == 'claimed' then lease_ran_out(org, record) end
  end
  return grant(org, id, record, nonce, event)
end

local operations = {}

function operations.claim(org, id, receipt, nonce, event)
  local name = org .. ':' .. id
  local record, last_token = read(name), 0
  if record and record.m == '1' and record.q ~= receipt then
    step_aside(org, id, record)
    last_token = record.k -- the name's tokens go on rising
    record = nil
  end
  if not record then return claim_unknown(org, id, receipt, nonce, event, last_token) end
  if record.q == receipt then return claim_again(org, id, record, nonce, event) end
  local letter = revived_letter(org, receipt)
  if letter then return letter_is_duplicate(org, letter) end
  return duplicate_of_open(org, name, record, receipt)
end

local function add_to_story(record, burns, detail, trigger, ruling, recipient, attempt)
  if burns == '0' then record.n = record.n - 1 end
  if trigger ~= '' then record.t = trigger end
  if ruling ~= '' then record.p = ruling end
  if recipient ~= '' then record.f = recipient end
  record.x, record.z = detail, ''
  record.h = with_attempt(record.h, attempt)
end

function operations.record(org, id, packed_org, packed_id, token, kind, reason, delay, ...)
  local name = org .. ':' .. id
  local record = read(name)
  if not record then
    local done = finished(org, id)
    return done and done.k == token and 1 or 0
  end
  if record.k ~= token then return 0 end
  if record.z == '' then return 1 end -- recorded before; only the reply was lost
  add_to_story(record, ...)
  record.s, record.r = kind, reason
  if kind == 'deferred' then
    save(name, record)
    call('ZADD', DUE, now + delay, name)
    count(org, kind .. ':' .. reason, 1)
  elseif kind == 'dead' then
    if reason == 'malformed' then record.m = '1' end
    save(name, record)
    to_dead(org, name, reason)
  else
    call('ZREM', DUE, name)
    to_log(org, id, record, reason == '' and kind or kind .. ':' .. reason, packed_org, packed_id)
    conclude(org, kind, reason, 1)
  end
  return 1
end

function operations.release(org, id, token)
  local name = org .. ':' .. id
  local record = read(name)
  if not record or record.k ~= token or record.z == '' then return 0 end
  record.s, record.r, record.z = 'deferred', '', ''
  record.k, record.n = record.k + 1, record.n - 1
  save(name, record)
  call('ZADD', DUE, now, name)
  return 1
end

function operations.renew(org, id, token)
  local name = org .. ':' .. id
  local record = read(name)
  if not record or record.k ~= token or record.s ~= 'claimed' then return 0 end
  call('ZADD', DUE, now + lease, name)
  return 1
end

-- Whether this very letter is kept under that id already; a revived one is buried again.
local function is_kept(org, id, receipt, detail)
  local name = org .. ':' .. id
  local record = read(name)
  if not record then
    local done = finished(org, id)
    return done and done.s == 'dead:malformed' and done.q == receipt
  end
  if record.m ~= '1' or record.q ~= receipt then return false end
  if record.s ~= 'dead' then
    record.s, record.r, record.x = 'dead', 'malformed', detail
    save(name, record)
    to_dead(org, name, 'malformed')
    forget_revival(org, record)
  end
  return true
end

function operations.reject(org, id, receipt, detail, evidence)
  local plain = unpacked(receipt)
  for _, known_by in ipairs({ id, plain, '~' .. plain }) do
    if known_by ~= '' and is_kept(org, known_by, receipt, detail) then return 0 end
  end
  local free = id ~= '' and call('EXISTS', record_key(org .. ':' .. id)) == 0 and not finished(org, id)
  local name, record = org .. ':' .. (free and id or letter_name(org, receipt)), new_record(receipt)
  record.s, record.r, record.x, record.m = 'dead', 'malformed', detail, '1'
  save(name, record, evidence)
  accept(org)
  to_dead(org, name, 'malformed')
  return 1
end

function operations.take_due(limit)
  local parcels = {}
  for _, name in ipairs(call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)) do
    local kept = call('HMGET', record_key(name), 'm', 'e')
    local record = parse(kept[1])
    if record then
      if record.s == 'claimed' then lease_ran_out(string.match(name, '^[^:]*'), record) end
      record.s = 'queued'
      save(name, record)
      call('ZADD', DUE, now + horizon, name)
      parcels[#parcels + 1] = { record.q, kept[2] }
    else
      call('ZREM', DUE, name)
    end
  end
  return parcels
end

function operations.revive(org, id)
  local name = org .. ':' .. id
  local record = read(name)
  if not record or record.s ~= 'dead' then return 0 end
  conclude(org, 'dead', record.r, -1)
  record.s, record.r, record.b = 'deferred', '', record.u
  save(name, record)
  call('ZREM', DEAD, name)
  call('ZADD', DUE, now, name)
  if record.m == '1' then
    call('HSET', REVIVED, org .. ':' .. record.q, id)
    any_revived = nil
  end
  return 1
end

function operations.drop(org, id)
  local name = org .. ':' .. id
  local record = read(name)
  if not record or record.s ~= 'dead' then return 0 end
  call('ZREM', DEAD, name)
  to_log(org, id, record, 'dead:' .. record.r)
  return 1
end

local ARITY = { claim = 5, record = 14, release = 3, renew = 3, reject = 5, take_due = 1, revive = 2, drop = 2 }

local replies, at = {}, 5
while at <= #ARGV do
  local name = ARGV[at]
  local last = at + ARITY[name]
  -- One broken record must not stop the deliveries that travel with it.
  local worked, reply = pcall(operations[name], unpack(ARGV, at + 1, last))
  if not worked then
    reply = { err = type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[#replies + 1] = reply
  at = last + 1
end
settle_counts()
if logged then call('XTRIM', LOG, 'MINID', '~', format('%.0f', now - retention)) end
return replies
