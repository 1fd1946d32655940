-- Arrivals: an event that a caller brings is known before it is on the queue.

local function awaits_publishing(name, receipt, event, token)
  accept(name)
  put(EVENT .. name, event)
  save(name, setmetatable({ s = 'queued', a = now, k = token, n = 0, z = '', q = receipt }, PLAIN))
  plan(name, PUBLISHED_BY)
  return token
end

-- Asked again with the same receipt, because the reply was lost, it answers the same.
function operations.accept(name, digest, bucket, receipt, event)
  local record = read(name)
  if record and record.q == receipt then return record.k end
  if record and record.m ~= '1' then return duplicate_of_open(name, record, receipt) end
  if record then step_aside(name, record) end
  local done, token = finished(name, digest, bucket), record and record.k or 0
  if done and done.s == 'dead:malformed' then
    token = make_way(done)
  elseif done then
    return done.q == receipt and done.k or duplicate_of_finished(name, receipt)
  end
  return awaits_publishing(name, receipt, event, token)
end
