-- Folding: of a storm of like changes the first is told at once, the others together in the end.
--
-- A window, prefix w:<subject>: its end, the delivery that opened it and, if there is one, its
-- follow-up. A record's f is empty until this was asked, 0 if it went at once, the number of
-- changes that it tells of if it is a follow-up, and > if another tells of it.
local WINDOW = prefix .. 'w:'
local WINDOW_KEPT = 3600000 -- milliseconds after its end: so long a follow-up may wait on a queue

local function window_of(key)
  local text = text_of(key)
  if not text then return 0, '', '' end
  local ends, holder, at = struct.unpack('>I6Bc0', text)
  return ends, holder, sub(text, at)
end

local function set_window(key, ends, holder, follower)
  texts[key] = struct.pack('>I6Bc0', ends, #holder, holder) .. follower
  call('SET', key, texts[key], 'PX', format('%.0f', ends - now + WINDOW_KEPT))
end

local function told_as(name, record, how)
  record.f = how
  save(name, record)
end

local function collecting(follower)
  local record = follower ~= '' and read(follower)
  return record and record.s ~= 'dead' and (tonumber(record.f) or 0) > 0 and record
end

local function follow_up(name, record, key, length)
  local ends, _, follower = window_of(key)
  if follower == name then
    if now < ends and length > 0 and record.v == '' then return { record.f, ends - now, '' } end
    set_window(key, now + length, name, '') -- it goes: what comes now is no longer counted by it
  end
  return { record.f, 0, '' }
end

local function first_or_later(name, record, key, length)
  local ends, holder, follower = window_of(key)
  local other = collecting(follower)
  if other then
    told_as(name, record, '>')
    told_as(follower, other, tostring(tonumber(other.f) + 1))
    return { 0, 0, follower }
  elseif now < ends and holder ~= name then
    told_as(name, record, '1')
    set_window(key, ends, holder, name)
    return { 1, ends - now, '' }
  end
  told_as(name, record, '0')
  set_window(key, now + length, name, '')
  return { 0, 0, '' }
end

function operations.fold(name, token, subject, length)
  local record, key = read(name), WINDOW .. subject
  length = tonumber(length)
  if not record or record.k ~= tonumber(token) or record.f == '0' then return { 0, 0, '' } end
  if record.f == '' then return first_or_later(name, record, key, length) end
  if record.f ~= '>' then return follow_up(name, record, key, length) end
  local _, holder, follower = window_of(key)
  return { 0, 0, follower ~= '' and follower or holder ~= '' and holder or name }
end
