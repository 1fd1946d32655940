-- What every script shares: the store's own time, records, and the log of finished deliveries.
--
-- ARGV[1] is the keys' prefix, ARGV[2] the retention in milliseconds. One script sees one
-- instant: TIME stands still while it runs.

local prefix, retention = ARGV[1], tonumber(ARGV[2])
local call, concat, unpack, tonumber = redis.call, table.concat, unpack, tonumber
local byte, find, format, match, sub = string.byte, string.find, string.format, string.match, string.sub

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local RECORD, EVENT, INDEX = prefix .. 'e:', prefix .. 'p:', prefix .. 'f:'
local LATER, COUNTS, CONTENT = prefix .. 'd:', prefix .. 'n:', prefix .. 'c:'
local DUE, DEAD, LOG, TOTAL = prefix .. 'due', prefix .. 'dead', prefix .. 'log', prefix .. 'n'
local REVIVED, ORGS = prefix .. 'revived', prefix .. 'orgs'

-- A delivery's name is <organization>:<event id>, each canonical UUID in it packed: NUL and 16
-- bytes. An organization's id holds no colon, unless it is packed.
local function org_of(name)
  return byte(name) == 0 and sub(name, 1, 17) or sub(name, 1, find(name, ':', 1, true) - 1)
end

-- Texts are read once per script: what is known of a key, false where there is nothing.
local texts = {}

local function text_of(key)
  local text = texts[key]
  if text == nil then
    text = call('GET', key)
    texts[key] = text
  end
  return text
end

local function read_ahead(keys)
  if #keys == 0 then return end
  for at, text in ipairs(call('MGET', unpack(keys))) do texts[keys[at]] = text end
end

-- While a delivery is open or dead, prefix p:<name> is its event, and prefix e:<name> its record.
-- A record, in binary:
--   a accepted   c changed (ms)   k fencing token   n attempts   s state
--   z nonce of the claim that is not recorded yet   more, or nothing where that is PLAIN
--   q receipt (packed), the rest
-- More, separated by group separators (29):
--   r reason   u uncertain   b uncertain when revived   d duplicates
--   y digests of the last ones' receipts   m 1 if known only as malformed
--   v when it was revived (ms), until it ends   x detail
--   f how it is told: see fold.lua   h 1 if prefix c:<name> is its message, 2 if to be sent as it was
--   w the story: trigger, ruling, fingerprint, history; nothing before the first record
local HEAD = '>I6I6I4I2Bc0Bc0I3c0' -- c0 is as long as the number before it says
local MORE = '^' .. string.rep('([^\29]*)\29', 10) .. '(.*)$'
local PLAIN = { __index = { r = '', u = 0, b = 0, d = 0, y = '', m = '', v = '', x = '', f = '', h = '', w = '' } }

local function parse(text)
  local a, c, k, n, s, z, more, at = struct.unpack(HEAD, text)
  local r = setmetatable({ s = s, a = a, c = c, k = k, n = n, z = z, q = sub(text, at) }, PLAIN)
  if more ~= '' then r.r, r.u, r.b, r.d, r.y, r.m, r.v, r.x, r.f, r.h, r.w = match(more, MORE) end
  return r
end

local function read(name)
  local text = text_of(RECORD .. name)
  return text and parse(text)
end

-- The index, prefix f:<bucket>, tells which entry of the log has a finished delivery: 64 bit of
-- the SHA-1 of its name, then the entry's id as 6 bytes of milliseconds and 2 of sequence.
local BUCKETS, ENTRY = 16384, 16

local function place(name)
  local digest = redis.sha1hex(name)
  local field = struct.pack('>I4I4', tonumber(sub(digest, 1, 8), 16), tonumber(sub(digest, 9, 16), 16))
  return field, tostring(tonumber(sub(digest, 17, 20), 16) % BUCKETS)
end

-- An entry of the log has a field for each delivery that was finished by the same call: its name
-- and, separated by tabs, outcome, milliseconds from acceptance, token, attempts, uncertain,
-- duplicates, detail, story, receipt.
local VERDICT = '^([^\t]*)\t[^\t]*\t([^\t]*)\t' .. string.rep('[^\t]*\t', 5) .. '(.*)$'

local function verdict_in(entry_id, name)
  local entry = call('XRANGE', LOG, entry_id, entry_id)[1]
  local flat = entry and entry[2] or {}
  for at = #flat - 1, 1, -2 do
    if flat[at] == name then return flat[at + 1] end
  end
end

-- The finished delivery, or nil. Exact: a hit counts only if the log's entry has the name.
local function find_finished(name, digest, bucket)
  local entries = text_of(INDEX .. bucket)
  local at = entries and find(entries, digest, 1, true)
  while at do
    local ms, seq = 0, 0
    if at % ENTRY == 1 then ms, seq = struct.unpack('>I6I2', entries, at + 8) end
    local id = format('%.0f-%d', ms, seq)
    local verdict = ms > now - retention and verdict_in(id, name)
    if verdict then
      local outcome, token, receipt = match(verdict, VERDICT)
      return { name = name, id = id, bucket = bucket, at = at, verdict = verdict,
        s = outcome, k = tonumber(token), q = receipt }
    end
    at = find(entries, digest, at + 1, true)
  end
end
