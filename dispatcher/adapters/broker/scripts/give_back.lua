-- Give messages back to the consuming end of their queues, so that order is kept.
-- KEYS  1 unacked, 2 unacked_index, 3 quarantine, 4 quarantine index, 5 quarantine totals
-- ARGV  1 key prefix, 2 priority separator, 3 priority steps (JSON), then the tags, oldest first

local steps, given = cjson.decode(ARGV[3]), 0
for position = #ARGV, 4, -1 do
  given = given + give_back(ARGV[position], ARGV[1], ARGV[2], steps)
end
return given
