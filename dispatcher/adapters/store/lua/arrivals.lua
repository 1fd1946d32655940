-- Arrivals: an event that a caller brings is known before it is on the queue.

local function awaits_publishing(name, receipt, event, token)
  accept(name)
  put(EVENT .. name, event)
  save(name, setmetatable({ s = 'queued', a = now, k = token, n = 0, z = '', q = receipt }, PLAIN))
  plan(name, PUBLISHED_BY)
  return token
end

-- One change that its source tells twice, under two ids: prefix k:<kinship> is when the first to
-- come in occurred, and its id, for as long as senders try again.
local KIN, KIN_TIME = prefix .. 'k:', 900000

local function twin_of(kinship, telling)
  if kinship == '' then return nil end
  local window, at, id = match(telling, '^(%d+) (%-?%d+) (.*)$')
  local key = KIN .. kinship
  local first, other = match(text_of(key) or '', '^(%-?%d+) (.*)$')
  if other == id then return nil end
  if first and math.abs(first - at) <= tonumber(window) then return other end
  texts[key] = at .. ' ' .. id
  call('SET', key, texts[key], 'PX', KIN_TIME)
end

local function is_told_by(twin, name, digest, bucket, receipt, token)
  accept(name)
  local record = { s = 'queued', a = now, k = token, n = 0, x = 'twin of ' .. twin, q = receipt }
  finish(name, digest, bucket, setmetatable(record, PLAIN), 'skipped:duplicate')
  conclude(name, 'skipped', 'duplicate', 1)
  return 'duplicate'
end

-- Asked again with the same receipt, because the reply was lost, it answers the same.
function operations.accept(name, digest, bucket, receipt, event, kinship, telling)
  local record = read(name)
  if record and record.q == receipt then return record.k end
  if record and record.m ~= '1' then return duplicate_of_open(name, record, receipt) end
  if record then step_aside(name, record) end
  local done, token = finished(name, digest, bucket), record and record.k or 0
  if done and done.s == 'dead:malformed' then
    token = make_way(done)
  elseif done then
    return done.q == receipt and done.k or duplicate_of_finished(name, receipt)
  end
  local twin = twin_of(kinship, telling)
  if twin then return is_told_by(twin, name, digest, bucket, receipt, token) end
  return awaits_publishing(name, receipt, event, token)
end
