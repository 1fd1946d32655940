-- Verdicts: what became of a claim. What it adds to the story is its trigger, ruling, fingerprint
-- and attempt; a part that is empty leaves what was known.
local STORY = '^([^\29]*)\29([^\29]*)\29([^\29]*)\29([^\29]*)$'

local function with_attempt(history, attempt)
  if attempt == '' then return history end
  if history == '' then return attempt end
  local lines = {}
  for line in string.gmatch(history, '[^\30]+') do lines[#lines + 1] = line end
  lines[#lines + 1] = attempt
  if #lines > HISTORY then table.remove(lines, 2) end
  return concat(lines, '\30')
end

local function unless_none(part, known)
  return part == '' and known or part
end

local function longer_story(story, addition)
  if story == '' then return addition end
  local trigger, ruling, fingerprint, history = match(story, STORY)
  local t, r, f, attempt = match(addition, STORY)
  return concat({ unless_none(t, trigger), unless_none(r, ruling), unless_none(f, fingerprint),
    with_attempt(history, attempt) }, '\29')
end

-- The claim's record, with the story added; or nil and the answer: 1 where the claim was recorded
-- before and only the reply was lost, 0 where a newer claim has taken over.
local function told(name, token, story)
  local record = read(name)
  if not record then
    local done = finished(name)
    return nil, done and done.k == tonumber(token) and 1 or 0
  end
  if record.k ~= tonumber(token) then return nil, 0 end
  if record.z == '' then return nil, 1 end
  record.w, record.x, record.z = longer_story(record.w, story), '', ''
  return record
end

function operations.send(name, token, story, digest, bucket)
  local record, answer = told(name, token, story)
  if not record then return answer end
  local changes = tonumber(record.f) or 0
  if changes > 1 then record.x = format('told of %d changes', changes) end
  finish(name, digest, bucket, record, 'sent')
  conclude(name, 'sent', nil, 1)
  return 1
end

function operations.skip(name, token, story, digest, bucket, reason, detail)
  local record, answer = told(name, token, story)
  if not record then return answer end
  record.x = detail
  finish(name, digest, bucket, record, 'skipped:' .. reason)
  conclude(name, 'skipped', reason, 1)
  return 1
end

function operations.defer(name, token, story, reason, delay, burns)
  local record, answer = told(name, token, story)
  if not record then return answer end
  if burns == '0' then record.n = record.n - 1 end
  record.s, record.r = 'deferred', reason
  save(name, record)
  plan(name, in_milliseconds(delay))
  count(org_of(name), 'deferred:' .. reason, 1)
  return 1
end

-- What was rendered is kept with a letter, unless there are more than a person goes through.
local LETTERS_WITH_CONTENT = 10000

local function keep_content(name, record, content)
  if record.h == '2' then record.h = '1' end
  if content == '' or (record.h == '' and call('ZCARD', DEAD) >= LETTERS_WITH_CONTENT) then return end
  record.h = '1'
  put(CONTENT .. name, content)
end

function operations.die(name, token, story, reason, detail, content)
  local record, answer = told(name, token, story)
  if not record then return answer end
  keep_content(name, record, content)
  record.s, record.r, record.x, record.v = 'dead', reason, detail, ''
  if reason == 'malformed' then record.m = '1' end
  save(name, record)
  to_dead(name, reason)
  return 1
end
