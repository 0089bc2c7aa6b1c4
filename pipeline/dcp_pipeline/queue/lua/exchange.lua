-- in flight -> (done); scheduled -> ready; in flight -> ready | dead; ready -> in flight.
-- ARGV: worker, nonce, lease in microseconds, leases wanted, crash cap, most bytes to hand out, then id and
-- token of each acknowledgement. Returns the ids of stale acknowledgements, the ids that died of their crashes,
-- the leases, three entries each: id, "token attempts crashes priority", payload; and 1 where the worker's process was
-- asked to go (ask_to_go.lua), and is given nothing new.

local worker, nonce, lease_us, want = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local max_crashes, most_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
local SWEEP = 1000
local now = now_us()

-- What is already gone counts as acknowledged: the acknowledgement whose reply was lost is sent again.
local function acknowledge()
  local stale, done, hashes, workers, is_done, freed = {}, {}, {}, {}, {}, 0
  for i = 8, #ARGV, 2 do
    local id, token = ARGV[i], ARGV[i + 1]
    local job = redis.call('HMGET', JOB .. id, 'token', 'bytes', 'worker', 'priority')
    if job[1] == token and redis.call('ZREM', INFLIGHT, id) == 1 then
      done[#done + 1], hashes[#hashes + 1] = id, JOB .. id
      freed = freed + job[2]
      workers[job[3]], is_done[id] = true, true
    elseif job[4] and not is_done[id] then
      stale[#stale + 1] = id
    end
  end
  by_hundreds(hashes, function(...) redis.call('DEL', ...) end)
  by_hundreds(done, function(...) redis.call('ZREM', AGE, ...) end)
  if freed > 0 then
    add_bytes('bytes', 0 - freed)
  end
  if #done > 0 then
    redis.call('HINCRBY', META, 'done', #done)
  end
  for name in pairs(workers) do
    redis.call('HDEL', CLAIMS, name)
  end
  return stale
end

local function promote_due()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', SCHEDULED, '-inf', int(now), 'LIMIT', 0, SWEEP)) do
    redis.call('ZREM', SCHEDULED, id)
    make_ready(id)
  end
end

local function reclaim_expired()
  local died = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', INFLIGHT, '-inf', int(now), 'LIMIT', 0, SWEEP)) do
    local job = redis.call('HMGET', JOB .. id, 'worker', 'crashes')
    end_lease(id)
    local crashes = (tonumber(job[2]) or 0) + 1
    if not job[1] then
      redis.call('ZREM', AGE, id)
    else
      redis.call('HSET', JOB .. id, 'crashes', crashes)
      if crashes >= max_crashes then
        bury(id, 'lost its worker ' .. crashes .. ' times, last ' .. job[1] .. ': the lease ran out unrenewed', now)
        died[#died + 1] = id
      else
        make_ready(id)
      end
    end
  end
  return died
end

local leases, deadlines, handed_out, claim = {}, {}, 0, {nonce}

local function hand_out(id, job, token)
  local counts = token .. ' ' .. (job[3] or '0') .. ' ' .. (job[4] or '0') .. ' ' .. job[5]
  leases[#leases + 1], leases[#leases + 2], leases[#leases + 3] = id, counts, job[1]
  deadlines[#deadlines + 1], deadlines[#deadlines + 2] = int(now + lease_us), id
  claim[#claim + 1], claim[#claim + 2] = id, token
  handed_out = handed_out + #job[1]
end

-- The same nonce again means that the reply to a claim was lost: its leases, not more, go out once more.
local function repeat_claim()
  local last = redis.call('HGET', CLAIMS, worker)
  last = last and cmsgpack.unpack(last)
  if not last or last[1] ~= nonce then
    return
  end
  for i = 2, #last, 2 do
    if holds(last[i], last[i + 1]) then
      local job = redis.call('HMGET', JOB .. last[i], 'payload', 'token', 'attempts', 'crashes', 'priority')
      hand_out(last[i], job, last[i + 1])
    end
  end
end

-- A token is the time of its claim: a wiped Redis that is filled again never repeats one.
local function claim_one(id)
  local job = redis.call('HMGET', JOB .. id, 'payload', 'token', 'attempts', 'crashes', 'priority')
  if job[1] then
    local token = int(math.max(now, (tonumber(job[2]) or 0) + 1))
    redis.call('HSET', JOB .. id, 'token', token, 'worker', worker)
    hand_out(id, job, token)
  else
    redis.call('ZREM', AGE, id)
  end
end

local function claim_ready()
  while #leases < 3 * want and handed_out < most_bytes do
    local ids = redis.call('ZRANGE', READY, 0, math.min(want - #leases / 3, 100) - 1)
    if #ids == 0 then
      return
    end
    local taken = {}
    for _, id in ipairs(ids) do
      if handed_out < most_bytes then
        claim_one(id)
        taken[#taken + 1] = id
      end
    end
    redis.call('ZREM', READY, unpack(taken))
  end
end

local function lease_all()
  by_hundreds(deadlines, function(...) redis.call('ZADD', INFLIGHT, ...) end)
end

local function asked_to_go()
  local until_us = redis.call('ZSCORE', LEAVING, process_of(worker))
  return until_us and tonumber(until_us) > now
end

write_even_when_full()
local stale = acknowledge()
local leaving = want > 0 and asked_to_go()
if want > 0 then
  repeat_claim()
  lease_all()
end
promote_due()
local died = reclaim_expired()
if want > 0 then
  if #leases == 0 and not leaving then
    claim_ready()
    lease_all()
  end
  if #leases > 0 then
    redis.call('HSET', CLAIMS, worker, cmsgpack.pack(claim))
  end
end
settle()
return {stale, died, leases, leaving and 1 or 0}
