-- Claims: who may work on which delivery, and for how long.
--
-- What a claim asks for is the end of the record that a new event gets: nonce, no more, receipt.
local function understood(asked, event)
  local nonce, _, at = struct.unpack('>Bc0I3', asked)
  return { z = nonce, q = sub(asked, at), e = event }
end

local DIGEST, DUPLICATES_KNOWN = 8, 8

-- Count a duplicate, and return the receipts' digests with it; nil if it is one of the last few,
-- brought again. Only where more messages than these bring one event, and the queue brings each
-- of them again in turn, is one counted twice.
local function duplicate(name, last, receipt)
  local digest = sub(redis.sha1hex(receipt), 1, DIGEST)
  for at = 1, #last, DIGEST do
    if sub(last, at, at + DIGEST - 1) == digest then return nil end
  end
  accept(name)
  conclude(name, 'skipped', 'duplicate', 1)
  return sub(last .. digest, -DIGEST * DUPLICATES_KNOWN)
end

-- How many came after the delivery was finished is kept beside the log, which is never changed.
local function duplicate_of_finished(name, receipt)
  local key = LATER .. name
  local times, last = match(call('GET', key) or '', '^(%d+):(%x+)$')
  local digests = duplicate(name, last or '', receipt)
  if digests then
    call('SET', key, format('%d:%s', (times or 0) + 1, digests), 'PX', format('%.0f', retention))
  end
  return 'duplicate'
end

local function duplicate_of_open(name, record, receipt)
  local letter = revived_letter(org_of(name), receipt)
  if letter then return letter_is_duplicate(letter) end
  local digests = duplicate(name, record.y, receipt)
  if digests then
    record.d, record.y = record.d + 1, digests
    save(name, record, record.c) -- a letter keeps its place among the others
  end
  return 'duplicate'
end

local function granted(name, r)
  local changes, content = tonumber(r.f) or 0, r.h == '2' and text_of(CONTENT .. name)
  return { r.k, r.n, r.u - r.b, r.a, tonumber(r.v) or 0, changes, content or '' }
end

local function grant(name, record, wish)
  if record.m == '1' then
    forget_revival(name, record)
    put(EVENT .. name, wish.e)
  end
  record.s, record.r, record.x, record.m, record.z = 'claimed', '', '', '', wish.z
  record.k, record.n = record.k + 1, record.n + 1
  save(name, record)
  plan(name, LEASE_END)
  return granted(name, record)
end

-- A letter that was dropped leaves its name to the event it should have been.
local function make_way(done)
  call('SETRANGE', INDEX .. done.bucket, done.at - 1, string.rep('\0', ENTRY))
  call('DEL', LATER .. done.name)
  texts[INDEX .. done.bucket] = nil
  return done.k
end

local function claim_unknown(name, digest, bucket, wish, last_token)
  local done, letter = finished(name, digest, bucket), revived_letter(org_of(name), wish.q)
  if done and done.s == 'dead:malformed' then
    last_token = make_way(done)
  elseif done then
    if done.q == wish.q then return 'redelivered' end
    return letter and letter_is_duplicate(letter) or duplicate_of_finished(name, wish.q)
  end
  if letter then
    rename(letter, name)
    return grant(name, read(name), wish)
  end
  accept(name)
  put(EVENT .. name, wish.e)
  local record = { s = '', a = now, k = last_token, n = 0, q = wish.q }
  return grant(name, setmetatable(record, PLAIN), wish)
end

-- Nobody could renew while the store was away, and a claim that ends then says nothing about its
-- claimant: from when the store is back, each has a whole lease to say that it lives. That the
-- store is there shows in the rounds that look for what is due: prefix pulse is the time of one,
-- and until when claims are spared.
local PULSE, lease = prefix .. 'pulse', tonumber(ARGV[3])
local ABSENCE = math.max(lease / 4, 3000)

local function pulse()
  local last, spared_until = match(text_of(PULSE) or '', '^(%d+) (%d+)$')
  if not last then return 0, 0 end
  last = tonumber(last)
  return last, now - last > ABSENCE and now + lease or tonumber(spared_until)
end

local function beat()
  local last, spared_until = pulse()
  if now - last > ABSENCE / 3 then put(PULSE, format('%.0f %.0f', now, spared_until)) end
  return spared_until
end

local function lease_ran_out(name, record)
  record.u = record.u + 1
  count(org_of(name), 'uncertain', 1)
end

local function claim_again(name, record, wish)
  if record.s == 'claimed' and record.z == wish.z then
    -- The reply to this very claim was lost; the claimant asks again.
    plan(name, LEASE_END)
    return granted(name, record)
  end
  if record.s == 'dead' then
    if record.m ~= '1' then return 'redelivered' end
    call('ZREM', DEAD, name)
    conclude(name, 'dead', record.r, -1)
  elseif record.s ~= 'queued' then
    if due_of(name) > now then return 'redelivered' end
    if record.s == 'claimed' then
      local _, spared_until = pulse()
      if spared_until > now then return 'redelivered' end
      lease_ran_out(name, record)
    end
  end
  return grant(name, record, wish)
end

local function claim_known(name, digest, bucket, wish)
  local record = read(name)
  if record.q == wish.q then return claim_again(name, record, wish) end
  if record.m ~= '1' then return duplicate_of_open(name, record, wish.q) end
  step_aside(name, record)
  return claim_unknown(name, digest, bucket, wish, record.k) -- the name's tokens go on rising
end

local function is_new(name, digest, bucket)
  local entries = text_of(INDEX .. bucket)
  if is_ended[name] or (entries and find(entries, digest, 1, true)) then return false end
  if any_revived == nil then any_revived = call('EXISTS', REVIVED) == 1 end
  return not any_revived
end

-- Nearly every event is new; its record is written without being taken apart.
function operations.claim(name, digest, bucket, asked, event)
  if text_of(RECORD .. name) then
    return claim_known(name, digest, bucket, understood(asked, event))
  end
  if not is_new(name, digest, bucket) then
    return claim_unknown(name, digest, bucket, understood(asked, event), 0)
  end
  put(RECORD .. name, FIRST_CLAIM .. asked)
  put(EVENT .. name, event)
  plan(name, LEASE_END)
  accept(name)
  return now
end

function operations.release(name, token)
  local record = read(name)
  if not record or record.k ~= tonumber(token) or record.z == '' then return 0 end
  record.s, record.r, record.z = 'deferred', '', ''
  record.k, record.n = record.k + 1, record.n - 1
  save(name, record)
  plan(name, NOW)
  return 1
end

function operations.renew(name, token)
  local record = read(name)
  if not record or record.k ~= tonumber(token) or record.s ~= 'claimed' then return 0 end
  plan(name, LEASE_END)
  return 1
end

local PARCELS_PER_CALL = 1000 -- a command built in Lua has at most some thousand arguments

function operations.take_due(limit)
  local spared_until = beat()
  write_all() -- what became due by this very call is seen too
  limit = math.min(limit, PARCELS_PER_CALL)
  local names, keys, parcels = call('ZRANGEBYSCORE', DUE, '-inf', NOW, 'LIMIT', 0, limit), {}, {}
  for at, name in ipairs(names) do
    keys[2 * at - 1] = RECORD .. name
    keys[2 * at] = EVENT .. name
  end
  read_ahead(keys)
  for _, name in ipairs(names) do
    local readable, record = pcall(read, name)
    local event = text_of(EVENT .. name)
    if not record then
      close(name)
    elseif not readable or not event then
      plan(name, HORIZON_END) -- it must not stop the others; a claim tells that it is broken
    elseif record.s == 'claimed' and spared_until > now then
      plan(name, format('%.0f', spared_until))
    else
      if record.s == 'claimed' then lease_ran_out(name, record) end
      record.s = 'queued'
      save(name, record)
      plan(name, PUBLISHED_BY)
      parcels[#parcels + 1] = { record.q, event, record.k, name }
    end
  end
  return parcels
end

-- It is published: unless it was claimed since, nobody need publish it again soon.
function operations.queued(name, token)
  local record = read(name)
  if not record or record.s ~= 'queued' or record.k ~= tonumber(token) then return 0 end
  plan(name, HORIZON_END)
  return 1
end
