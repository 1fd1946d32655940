-- Lanes: one list per organization beside a queue's own list, and the ring of those that hold
-- something. Producers know nothing of them: they push onto the queue's list, and whoever takes
-- sorts. A lane decides whose turn it is and nothing else, so what names it is found, not parsed.
--   <queue>:lanes         sorted set, organization to turn; the lowest is next
--   <queue>:lane:<org>    list, consumed from the right like the queue's own

local function ring_of(list) return list .. ':lanes' end
local function lane_of(list, organization) return list .. ':lane:' .. organization end

-- The body is JSON in base64. There, "org_id" with its quotes is one of three texts, depending on
-- where in a group of three bytes it begins. Per text: itself; how many characters of its first
-- group it leaves out; how many characters behind that group's beginning the value's group begins;
-- how many bytes of that one still belong to the name.
local MARKS = {
  {'Im9yZ19pZCI', 0, 8, 2},
  {'JvcmdfaWQi', 2, 12, 0},
  {'ib3JnX2lkI', 3, 12, 1},
}
-- Unencoded, the body is JSON in a JSON string.
local PLAIN_MARK, PLAIN_VALUE = '\\"org_id\\"', '^%s*:%s*\\"([%w%._%-]+)\\"'
-- An organization's id needs no escapes; what has some goes to the lane without a name.
local VALUE, LONGEST, REGION = '^%s*:%s*"([%w%._%-]+)"()', 64, 120

local sextets
local function decode(text)
  if not sextets then
    sextets = {}
    local letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    for place = 1, 64 do sextets[string.byte(letters, place)] = place - 1 end
  end
  local groups = {}
  for at = 1, #text - 3, 4 do
    local a, b, c, d = string.byte(text, at, at + 3)
    a, b, c, d = sextets[a], sextets[b], sextets[c], sextets[d]
    if not (a and b and c and d) then break end
    local group = ((a * 64 + b) * 64 + c) * 64 + d
    groups[#groups + 1] = string.char(
      math.floor(group / 65536), math.floor(group / 256) % 256, group % 256)
  end
  return table.concat(groups)
end

-- Most organizations come again, and most ids have one length: then two strings are compared and
-- nothing is decoded.
local known, lengths = {{}, {}, {}}, {0, 0, 0}

local function value_at(raw, kind, first)
  local seen = known[kind][string.sub(raw, first, first + lengths[kind] - 1)]
  if seen then return seen end
  -- PHP escapes the slashes of base64 in JSON.
  local region, escapes = string.gsub(string.sub(raw, first, first + REGION - 1), '\\/', '/')
  local rest = MARKS[kind][4]
  local value, behind = string.match(string.sub(decode(region), rest + 1), VALUE)
  if value and #value <= LONGEST then
    if escapes == 0 then
      lengths[kind] = math.ceil((rest + behind - 1) / 3) * 4
      known[kind][string.sub(raw, first, first + lengths[kind] - 1)] = value
    end
    return value
  end
end

local recent = 1
local function encoded_value(raw, kind)
  local mark, left_out, offset = unpack(MARKS[kind])
  local at = string.find(raw, mark, 1, true)
  while at do
    local value = value_at(raw, kind, at - left_out + offset)
    if value then
      recent = kind
      return value
    end
    at = string.find(raw, mark, at + 1, true)
  end
end

local function plain_value(raw)
  local _, last = string.find(raw, PLAIN_MARK, 1, true)
  local value = last and string.match(string.sub(raw, last + 1, last + REGION), PLAIN_VALUE)
  return value and #value <= LONGEST and value
end

-- Whose event a queue item is; the empty name where that cannot be seen.
local function organization_of(raw)
  local value = encoded_value(raw, recent)
  for kind = 1, 3 do
    if value then return value end
    if kind ~= recent then value = encoded_value(raw, kind) end
  end
  return value or plain_value(raw) or ''
end

-- Put a message that was taken before at the consuming end: of its lane, where there are lanes.
local function put_back(list, raw)
  local ring = ring_of(list)
  if redis.call('EXISTS', ring) == 0 then return redis.call('RPUSH', list, raw) end
  local organization = organization_of(raw)
  redis.call('RPUSH', lane_of(list, organization), raw)
  redis.call('ZADD', ring, 'NX', 0, organization)
end
