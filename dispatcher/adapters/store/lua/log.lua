-- Reads deliveries: one by its id, or a stretch of the open, the dead or the finished ones.
--
-- ARGV after the common ones: the question's name and its arguments. A stretch is answered
-- with where to go on ('' at the end) and what matched, so that no call is long.

local STRETCH = 500

-- The current log entry of (org, id), with the duplicates that came after it.
local function of_log(done)
  return { 'log', done.id, string.match(sub(done.value, 9), '^%d+') or '0', done.raw }
end

local function of_record(name)
  local kept = call('HMGET', record_key(name), 'm', 'e')
  if not kept[1] then return nil end
  local org, id = string.match(name, '^([^:]*):(.*)$')
  return { 'record', org, id, call('ZSCORE', DUE, name) or '', kept[1], kept[2] }
end

local function is_wanted(name, org, state, reason, since)
  if org ~= '' and sub(name, 1, #org + 1) ~= org .. ':' then return false end
  local record = read(name)
  return record and (state == '' or record.s == state) and (reason == '' or record.r == reason)
    and tonumber(record.c) >= since
end

local function matching(names, step, org, state, reason, since)
  local matches = {}
  for at = 1, #names, step do
    if is_wanted(names[at], org, state, reason, since) then
      matches[#matches + 1] = of_record(names[at])
    end
  end
  return matches
end

local questions = {}

function questions.find(id, ...)
  local answers = {}
  for _, org in ipairs({ ... }) do
    local kept, done = of_record(org .. ':' .. id), finished(org, id)
    answers[#answers + 1] = kept or done and of_log(done) or nil
  end
  return answers
end

function questions.open(cursor, org, state, reason, since)
  local step = call('ZSCAN', DUE, cursor == '' and '0' or cursor, 'COUNT', STRETCH)
  return { step[1] == '0' and '' or step[1], matching(step[2], 2, org, state, reason, tonumber(since)) }
end

function questions.dead(cursor, org, state, reason, since)
  local start = tonumber(cursor) or 0
  local names = call('ZREVRANGE', DEAD, start, start + STRETCH - 1)
  local next = #names == STRETCH and tostring(start + STRETCH) or ''
  return { next, matching(names, 1, org, state, reason, tonumber(since)) }
end

function questions.finished(cursor, org, state, reason, since)
  local oldest = format('%.0f', math.max(tonumber(since), now - retention + 1))
  local entries = call('XREVRANGE', LOG, cursor == '' and '+' or '(' .. cursor, oldest, 'COUNT', STRETCH)
  local packed_org, matches = pack(org), {}
  for _, entry in ipairs(entries) do
    local flat = entry[2]
    local outcome, why = string.match(flat[8], '^([^:\t]*):?([^\t]*)')
    if (org == '' or flat[2] == packed_org) and (state == '' or outcome == state)
      and (reason == '' or why == reason) then
      local current = finished(unpacked(flat[2]), unpacked(flat[4]))
      if current and current.id == entry[1] then matches[#matches + 1] = of_log(current) end
    end
  end
  return { #entries == STRETCH and entries[#entries][1] or '', matches }
end

return questions[ARGV[3]](unpack(ARGV, 4))
