-- What every script shares: the store's own time, and the log of finished deliveries.
--
-- ARGV[1] is the keys' prefix, ARGV[2] the retention in milliseconds. One script sees one
-- instant: TIME stands still while it runs.

local prefix, retention = ARGV[1], tonumber(ARGV[2])
local call, sub, format = redis.call, string.sub, string.format

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local SPAN = 604800000 -- one index per week; independent of the retention, which may change
local BUCKETS = 8192   -- keeps a bucket a listpack up to four million deliveries a week

local DUE, DEAD, LOG = prefix .. 'due', prefix .. 'dead', prefix .. 'log'
local REVIVED, ORGS, TOTAL = prefix .. 'revived', prefix .. 'orgs', prefix .. 'n'

-- A record, prefix e:<org>:<id>, holds a delivery while it is open or dead: `e` is the event,
-- `m` is all else, separated by tabs in this order:
--   s state   r reason   a accepted   c changed (ms)   k fencing token   n attempts
--   u uncertain   b uncertain when revived   d duplicates   y digest of the last one's receipt
--   z nonce of the claim that is not recorded yet   m 1 if known only as malformed
--   t trigger   p ruling   f fingerprint   x detail   h history   q receipt (packed, any bytes)
local RECORD = '^' .. string.rep('([^\t]*)\t', 17) .. '(.*)$'

local function record_key(name)
  return prefix .. 'e:' .. name
end

local function parse(text)
  if not text then return nil end
  local r = {}
  r.s, r.r, r.a, r.c, r.k, r.n, r.u, r.b, r.d, r.y, r.z, r.m, r.t, r.p, r.f, r.x, r.h, r.q =
    string.match(text, RECORD)
  return r
end

local function read(name)
  return parse(call('HGET', record_key(name), 'm'))
end

-- A canonical UUID as NUL and 16 bytes instead of 36; anything else as it is.
local function pack(text)
  if #text ~= 36 or text ~= string.lower(text) then return text end
  local a, b, c, d, e = string.match(text, '^(%x+)%-(%x+)%-(%x+)%-(%x+)%-(%x+)$')
  if not a or #a ~= 8 or #b ~= 4 or #c ~= 4 or #d ~= 4 then return text end
  return struct.pack('>BI4I4I4I4', 0, tonumber(a, 16), tonumber(b .. c, 16),
    tonumber(d .. sub(e, 1, 4), 16), tonumber(sub(e, 5), 16))
end

local function unpacked(text)
  if sub(text, 1, 1) ~= '\0' then return text end
  local hex = string.gsub(sub(text, 2), '.', function(byte) return format('%02x', string.byte(byte)) end)
  return format('%s-%s-%s-%s-%s', sub(hex, 1, 8), sub(hex, 9, 12), sub(hex, 13, 16), sub(hex, 17, 20), sub(hex, 21))
end

-- The index field of a delivery, and the bucket it is in.
local function place(org, id)
  local digest = redis.sha1hex(org .. ':' .. id)
  local field = struct.pack('>I4I4', tonumber(sub(digest, 1, 8), 16), tonumber(sub(digest, 9, 16), 16))
  return field, tonumber(sub(digest, 17, 20), 16) % BUCKETS
end

local function index_key(span, bucket)
  return format('%sf:%d:%d', prefix, span, bucket)
end

-- The finished delivery as its log entry, or nil. Exact: a hit counts only if the entry agrees.
-- An entry: o organization, i id, q receipt (all packed), v the rest, separated by tabs: outcome,
-- milliseconds from acceptance, token, attempts, uncertain, duplicates, trigger, ruling,
-- fingerprint, detail, history.
local function finished(org, id)
  local field, bucket = place(org, id)
  for span = math.floor(now / SPAN), math.floor((now - retention) / SPAN), -1 do
    local key = index_key(span, bucket)
    local value = call('HGET', key, field)
    local ms, seq = 0, 0
    if value then ms, seq = struct.unpack('>I6I2', value) end
    if ms > now - retention then
      local entry_id = format('%.0f-%d', ms, seq)
      local found = call('XRANGE', LOG, entry_id, entry_id)[1]
      if found then
        local raw = found[2]
        if raw[2] == pack(org) and raw[4] == pack(id) then
          local outcome, token = string.match(raw[8], '^([^\t]*)\t[^\t]*\t([^\t]*)')
          return { index = key, field = field, value = value, id = entry_id, raw = raw,
            s = outcome, k = token, q = raw[6] }
        end
      end
    end
  end
  return nil
end
