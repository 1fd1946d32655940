-- The server's time in seconds, as text: Lua numbers would lose digits on the way to a score.

local function clock()
  local now = redis.call('TIME')
  return string.format('%d.%06d', now[1], now[2])
end

