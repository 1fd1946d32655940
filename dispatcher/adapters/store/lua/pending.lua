-- What a call is to write, gathered while its operations run and written in the end, each kind
-- at once: a write costs the more for its way out of Lua than for itself.
--
-- Either all of it is written or nothing: a store that is full or cannot write its file refuses
-- the first write already. Lists have their length beside them: to ask Lua for it is a search.

local HISTORY = 30
local DELIVERIES_PER_ENTRY = 16 -- to find one of them, all are read
local PRUNED_EVERY = 64 * ENTRY

local kept, keeps, erased, erases = {}, 0, {}, 0
local times, appointments, closed, closings, due = {}, 0, {}, 0, {}
local ended, places, ends, is_ended = {}, {}, 0, {}
local tallies = {}

local function put(key, text)
  texts[key] = text
  kept[keeps + 1], kept[keeps + 2] = key, text
  keeps = keeps + 2
end

local function plan(name, time)
  due[name] = time
  times[appointments + 1], times[appointments + 2] = time, name
  appointments = appointments + 2
end

local function close(name)
  due[name] = false
  closings = closings + 1
  closed[closings] = name
end

local function erase(name)
  local record, event = RECORD .. name, EVENT .. name
  texts[record], texts[event] = false, false
  erased[erases + 1], erased[erases + 2] = record, event
  erases = erases + 2
  close(name)
end

local function erase_content(name)
  local content = CONTENT .. name
  texts[content] = false
  erases = erases + 1
  erased[erases] = content
end

local function due_of(name)
  local time = due[name]
  if time == nil then time = call('ZSCORE', DUE, name) end
  return time and tonumber(time)
end

local function count(org, field, by)
  local tally = tallies[org]
  if not tally then
    tally = {}
    tallies[org] = tally
  end
  tally[field] = (tally[field] or 0) + by
end

local function accept(name)
  count(org_of(name), 'accepted', 1)
end

local function conclude(name, outcome, reason, by)
  local org = org_of(name)
  count(org, outcome, by)
  if reason then count(org, outcome .. ':' .. reason, by) end
end

local function more_of(r)
  return concat({ r.r, r.u, r.b, r.d, r.y, r.m, r.v, r.x, r.f, r.h, r.w }, '\29')
end

local PLAIN_MORE = more_of(PLAIN.__index)

-- What became of a delivery is changed now, unless it says since when it is so.
local function save(name, r, changed)
  local more = more_of(r)
  if more == PLAIN_MORE then more = '' end
  put(RECORD .. name,
    struct.pack(HEAD, r.a, changed or now, r.k, r.n, #r.s, r.s, #r.z, r.z, #more, more) .. r.q)
end

local function unless_zero(number)
  return tonumber(number) == 0 and '' or number
end

-- Move a closed delivery to the log; only what a person may ask for later remains.
local function finish(name, digest, bucket, r, outcome)
  ended[2 * ends + 1] = name
  ended[2 * ends + 2] = concat({ outcome, math.max(now - r.a, 0), r.k, r.n, unless_zero(r.u),
    unless_zero(r.d), r.x, r.w, r.q }, '\t')
  places[2 * ends + 1], places[2 * ends + 2] = INDEX .. bucket, digest
  ends = ends + 1
  is_ended[name] = true
  erase(name)
  if r.h ~= '' then erase_content(name) end
end

-- Entries are in the order of time, so the old ones of a bucket are its beginning.
local function prune(key)
  local entries, young = call('GET', key), 1
  while young < #entries and struct.unpack('>I6', entries, young + 8) <= now - retention do
    young = young + ENTRY
  end
  if young > 1 then call('SET', key, sub(entries, young)) end
end

local function write_entry(first, last)
  local ms, seq = match(call('XADD', LOG, '*', unpack(ended, first, last)), '(%d+)-(%d+)')
  local id = struct.pack('>I6I2', ms, seq)
  for at = first, last, 2 do
    local key = places[at]
    if call('APPEND', key, places[at + 1] .. id) % PRUNED_EVERY == 0 then prune(key) end
    texts[key] = nil
  end
end

local function write_log()
  if ends == 0 then return end
  for first = 1, 2 * ends, 2 * DELIVERIES_PER_ENTRY do
    write_entry(first, math.min(first + 2 * DELIVERIES_PER_ENTRY, 2 * ends + 1) - 1)
  end
  call('XTRIM', LOG, 'MINID', '~', format('%.0f', now - retention))
  ended, places, ends, is_ended = {}, {}, 0, {}
end

local function finished(name, digest, bucket)
  if is_ended[name] then write_log() end
  if not digest then digest, bucket = place(name) end
  return find_finished(name, digest, bucket)
end

local function write_counts()
  local total = {}
  for org, tally in pairs(tallies) do
    for field, by in pairs(tally) do
      total[field] = (total[field] or 0) + by
      local sum = org ~= '' and by ~= 0 and call('HINCRBY', COUNTS .. org, field, by)
      if field == 'accepted' and sum == by then call('SADD', ORGS, org) end
    end
  end
  for field, by in pairs(total) do
    if by ~= 0 then call('HINCRBY', TOTAL, field, by) end
  end
  tallies = {}
end

-- What was erased, or closed, and is there again by a later operation stays.
local function still_gone(list, state)
  local gone, number = {}, 0
  for _, key in ipairs(list) do
    if not state[key] then
      number = number + 1
      gone[number] = key
    end
  end
  return gone, number
end

local function write_all()
  if keeps > 0 then call('MSET', unpack(kept, 1, keeps)) end
  if appointments > 0 then call('ZADD', DUE, unpack(times, 1, appointments)) end
  write_log()
  write_counts()
  local keys, erasures = still_gone(erased, texts)
  if erasures > 0 then call('DEL', unpack(keys, 1, erasures)) end
  local names, removals = still_gone(closed, due)
  if removals > 0 then call('ZREM', DUE, unpack(names, 1, removals)) end
  kept, keeps, erased, erases = {}, 0, {}, 0
  times, appointments, closed, closings, due = {}, 0, {}, 0, {}
end
