-- Takes, keeps or gives up a turn: one atomic step.
--
-- ARGV: the key, who asks, and the milliseconds it is to last; 0 gives it up. Answers whether it
-- is (or was) the caller's.
local key, holder, lasts = ARGV[1], ARGV[2], tonumber(ARGV[3])
local call = redis.call
local known = call('GET', key)

if known and known ~= holder then return 0 end
if lasts > 0 then
  call('SET', key, holder, 'PX', lasts)
else
  call('DEL', key)
end
return 1
