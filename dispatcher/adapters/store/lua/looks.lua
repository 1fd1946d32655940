-- Replaces an organization's look if it still is what was read: one atomic step, the store's time.
--
-- ARGV: the keys' prefix, the organization, the mark as it was read ('' where there was none), the
-- new sequence, and the new content ('' resets the look: only its sequence is left). Answers the
-- sequence and the time, or false where it changed meanwhile.
--
-- The mark, sequence and time, is what every event reads; whoever has not met it reads the content.
-- Who has a look is in the set prefix looks.
local prefix, org, known, sequence, content = unpack(ARGV)
local call = redis.call
local mark, kept, all = prefix .. 'look:' .. org, prefix .. 'look-content:' .. org, prefix .. 'looks'

if (call('GET', mark) or '') ~= known then return false end
local clock = call('TIME')
local changed = string.format('%s%06d', clock[1], tonumber(clock[2]))
if content == '' then
  call('SET', mark, sequence)
  call('DEL', kept)
  call('SREM', all, org)
else
  call('SET', mark, sequence .. '\t' .. changed)
  call('SET', kept, content)
  call('SADD', all, org)
end
return { sequence, changed }
