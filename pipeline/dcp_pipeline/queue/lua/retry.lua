-- in flight -> scheduled | dead. ARGV: id, token, delay in microseconds, attempt cap (0: dead at once), error.
-- Returns the state, the failed attempts, and when it is due or when it died, in microseconds.

local id, token, delay_us = ARGV[2], ARGV[3], tonumber(ARGV[4])
local max_attempts, reason = tonumber(ARGV[5]), ARGV[6]

-- The token that ended the lease tells a repeated call, whose reply was lost, from a superseded one.
local function outcome_of_the_first_call()
  local job = redis.call('HMGET', JOB .. id, 'ended', 'attempts')
  if job[1] ~= token then
    return {'lost', 0, 0}
  end
  local died_at = redis.call('ZSCORE', DEAD, id)
  if died_at then
    return {'dead', tonumber(job[2]) or 0, tonumber(died_at)}
  end
  return {'scheduled', tonumber(job[2]) or 0, tonumber(redis.call('ZSCORE', SCHEDULED, id) or read_clock())}
end

write_even_when_full()
if not holds(id, token) then
  return outcome_of_the_first_call()
end
local now = now_us()
end_lease(id)
redis.call('HSET', JOB .. id, 'ended', token)
local attempts = redis.call('HINCRBY', JOB .. id, 'attempts', 1)
if attempts >= max_attempts then
  if max_attempts > 0 then
    reason = 'failed ' .. int(attempts) .. ' times, last: ' .. reason
  end
  bury(id, reason, now)
  settle()
  return {'dead', attempts, now}
end
redis.call('ZADD', SCHEDULED, int(now + delay_us), id)
return {'scheduled', attempts, now + delay_us}
