-- Reads deliveries: one by its name, or a stretch of the open, the dead or the finished ones.
--
-- ARGV after the common ones: the question's name and its arguments. A stretch is answered
-- with where to go on ('' at the end) and what matched, so that no call is long; once as many as
-- are wanted match, those that were not looked at are left to the next call.

local STRETCH = 500
local ENTRIES = 32 -- of up to 16 deliveries each

-- A finished delivery, with the duplicates that came after it.
local function of_log(done)
  local later = match(call('GET', LATER .. done.name) or '0', '^%d+')
  return { 'log', done.name, done.id, later, done.verdict }
end

local function of_record(name)
  local text = text_of(RECORD .. name)
  return text and { 'record', name, call('ZSCORE', DUE, name) or '', text, text_of(EVENT .. name) or '{}' }
end

local function is_of(name, org)
  return org == '' or sub(name, 1, #org + 1) == org .. ':'
end

local function is_wanted(name, org, state, reason, since)
  local record = is_of(name, org) and read(name)
  return record and (state == '' or record.s == state) and (reason == '' or record.r == reason)
    and record.c >= since
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

function questions.find(...)
  local answers = {}
  for _, name in ipairs({ ... }) do
    local answer = of_record(name)
    if not answer then
      local done = find_finished(name, place(name))
      answer = done and of_log(done)
    end
    answers[#answers + 1] = answer or nil
  end
  return answers
end

function questions.open(cursor, org, state, reason, since)
  local step = call('ZSCAN', DUE, cursor == '' and '0' or cursor, 'COUNT', STRETCH)
  return { step[1] == '0' and '' or step[1], matching(step[2], 2, org, state, reason, tonumber(since)) }
end

-- How many letters come before where a reader goes on, which is behind the last one it saw:
-- what dies or is dropped meanwhile moves nothing.
local function rank_behind(cursor)
  local died, last = match(cursor, '^(%d+) (.*)$')
  if not died then return 0 end
  local rank = call('ZCOUNT', DEAD, '(' .. died, '+inf')
  for _, name in ipairs(call('ZRANGEBYSCORE', DEAD, died, died)) do
    if name >= last then rank = rank + 1 end
  end
  return rank
end

-- What matches of some names, and how many were looked at until enough of them did.
local function first_matching(names, most, ...)
  local matches, seen = {}, 0
  while seen < #names and #matches < most do
    local slice, keys = {}, {}
    while seen < #names and #slice < most do
      seen = seen + 1
      local name = names[seen]
      if is_of(name, ...) then
        slice[#slice + 1] = name
        keys[#keys + 1], keys[#keys + 2] = RECORD .. name, EVENT .. name
      end
    end
    read_ahead(keys)
    for _, match in ipairs(matching(slice, 1, ...)) do matches[#matches + 1] = match end
  end
  return matches, seen
end

function questions.dead(cursor, org, state, reason, since, most)
  local start, names, times = rank_behind(cursor), {}, {}
  local found = call('ZREVRANGE', DEAD, start, start + STRETCH - 1, 'WITHSCORES')
  for at = 1, #found, 2 do
    names[#names + 1], times[#times + 1] = found[at], format('%.0f', found[at + 1])
  end
  local matches, seen = first_matching(names, tonumber(most), org, state, reason, tonumber(since))
  local is_all = seen == #names and #names < STRETCH
  local next = (is_all or tonumber(times[seen]) < tonumber(since)) and '' or times[seen] .. ' ' .. names[seen]
  return { next, matches }
end

function questions.message(name)
  local record = read(name)
  return record and record.s == 'dead' and record.h ~= '' and text_of(CONTENT .. name)
end

local function current(name, entry_id, verdict, org, state, reason)
  local outcome, why = match(verdict, '^([^:\t]*):?([^\t]*)')
  if not is_of(name, org) or (state ~= '' and outcome ~= state) or (reason ~= '' and why ~= reason) then
    return nil
  end
  local done = find_finished(name, place(name))
  return done and done.id == entry_id and of_log(done) or nil
end

function questions.finished(cursor, org, state, reason, since, most)
  local oldest = format('%.0f', math.max(tonumber(since), now - retention + 1))
  local newest, matches, last = cursor == '' and '+' or '(' .. cursor, {}, ''
  local entries = call('XREVRANGE', LOG, newest, oldest, 'COUNT', ENTRIES)
  for number, entry in ipairs(entries) do
    local flat = entry[2]
    for at = #flat - 1, 1, -2 do
      matches[#matches + 1] = current(flat[at], entry[1], flat[at + 1], org, state, reason)
    end
    local is_enough = #matches >= tonumber(most)
    if is_enough or number == ENTRIES then last = entry[1] end
    if is_enough then break end
  end
  return { last, matches }
end

return questions[ARGV[3]](unpack(ARGV, 4))
