-- What the operations share: their table, and the times they write, as texts made once.

local operations = {}

local function in_milliseconds(later)
  return format('%.0f', now + later)
end

local NOW, LEASE_END = in_milliseconds(0), in_milliseconds(ARGV[3])
local PUBLISHED_BY, HORIZON_END = in_milliseconds(ARGV[4]), in_milliseconds(ARGV[5])

-- A new event's record up to what its claim asks for: token and attempt are the first.
local FIRST_CLAIM = struct.pack('>I6I6I4I2Bc0', now, now, 1, 1, 7, 'claimed')
