-- Runs a call's operations: every write to a delivery's state is one of them, and one step.
--
-- ARGV after the common ones: lease, publishing time and requeue horizon in milliseconds, then for
-- each operation its name and its arguments; the first is the delivery's name, unless listed here.
local ARITY = { accept = 7, claim = 5, send = 5, skip = 7, defer = 6, die = 6, release = 2, renew = 2, revive = 2, fold = 4,
  drop = 1, reject = 5, take_due = 1, queued = 2 }
local NAMELESS = { reject = true, take_due = true }
local ARGV, FIRST, last = ARGV, 6, #ARGV

local function known_ahead()
  local keys, number, at = {}, 0, FIRST
  while at <= last do
    local operation = ARGV[at]
    if not NAMELESS[operation] then
      number = number + 1
      keys[number] = RECORD .. ARGV[at + 1]
    end
    if operation == 'claim' or operation == 'accept' then
      number = number + 1
      keys[number] = INDEX .. ARGV[at + 3]
    end
    at = at + 1 + ARITY[operation]
  end
  return keys
end

read_ahead(known_ahead())
local replies, number, at = {}, 0, FIRST

local function run()
  while at <= last do
    local operation, first = ARGV[at], at + 1
    at = first + ARITY[operation]
    number = number + 1
    replies[number] = operations[operation](unpack(ARGV, first, at - 1))
  end
end

-- One broken record must not stop the deliveries that travel with it.
while at <= last do
  local worked, problem = pcall(run)
  if not worked then
    replies[number] = { err = type(problem) == 'table' and problem.err or tostring(problem) }
  end
end
write_all()
return replies
