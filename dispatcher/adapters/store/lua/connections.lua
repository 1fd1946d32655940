-- Replaces a connection if it still is what was read: one atomic step.
--
-- ARGV: the keys' prefix, the name, the record as it was read ('' where there was none), and the
-- new one. Answers whether it did. All names are in the set prefix connections.
local prefix, name, known, record = unpack(ARGV)
local call = redis.call
local key = prefix .. 'connection:' .. name

if (call('GET', key) or '') ~= known then return 0 end
call('SET', key, record)
call('SADD', prefix .. 'connections', name)
return 1
