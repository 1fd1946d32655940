-- Replaces an organization's sender if it still is what was read: one atomic step, the store's time.
--
-- ARGV: the keys' prefix, the organization, the record as it was read ('' where there was none),
-- the new sequence, the new time ('' is now), and the further columns ('' resets the sender: only
-- its sequence is left). Answers the record's sequence and time, or false where it changed meanwhile.
--
-- Who has a sender is in the set prefix senders.
local prefix, org, known, sequence, changed, columns = unpack(ARGV)
local call = redis.call
local key, all = prefix .. 'sender:' .. org, prefix .. 'senders'

if (call('GET', key) or '') ~= known then return false end
if changed == '' then
  local clock = call('TIME')
  changed = string.format('%s%06d', clock[1], tonumber(clock[2]))
end
if columns == '' then
  call('SET', key, sequence)
  call('SREM', all, org)
else
  call('SET', key, sequence .. '\t' .. changed .. '\t' .. columns)
  call('SADD', all, org)
end
return { sequence, changed }
