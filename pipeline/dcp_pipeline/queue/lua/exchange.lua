-- in flight -> (done); scheduled -> ready; in flight -> ready | dead; ready -> in flight.
-- ARGV: worker, nonce, lease in microseconds, leases wanted, crash cap, most bytes to hand out, the worker's pipeline,
-- then id and token of each acknowledgement. Returns the ids of stale acknowledgements, the ids that died of their
-- crashes, the leases, three entries each: id, "token attempts crashes priority", payload; why the worker is given
-- nothing new: 'leaving', its process was asked to go (ask_to_go.lua), or 'alone', a batch is tried alone; and the
-- pipeline that the queue belongs to, where that is another one.
--
-- A job whose worker was lost is tried alone from then on: its process holds nothing else. Which of the jobs of a process
-- that died was at fault nobody knows, so only a job that was alone dies of its crashes.

local worker, nonce, lease_us, want = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local max_crashes, most_bytes, pipeline = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local SWEEP = 1000
local process = process_of(worker)
write_even_when_full()
local now = now_us()

-- What is already gone counts as acknowledged: the acknowledgement whose reply was lost is sent again.
local function acknowledge()
  local stale, done, hashes, workers, is_done, freed = {}, {}, {}, {}, {}, 0
  for i = 9, #ARGV, 2 do
    local id, token = ARGV[i], ARGV[i + 1]
    local job = redis.call('HMGET', JOB .. id, 'token', 'bytes', 'worker', 'priority')
    if job[1] == token and redis.call('ZREM', INFLIGHT, id) == 1 then
      done[#done + 1], hashes[#hashes + 1] = id, JOB .. id
      freed, is_done[id] = freed + (tonumber(job[2] or '') or 0), true
      if job[3] then
        workers[job[3]] = true
        end_alone(job[3], id)
      end
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
    local job = redis.call('HMGET', JOB .. id, 'worker', 'crashes', 'alone', 'token')
    end_lease(id)
    local crashes = (tonumber(job[2]) or 0) + 1
    if not job[1] then
      redis.call('ZREM', AGE, id)
    else
      redis.call('HSET', JOB .. id, 'crashes', crashes)
      if crashes >= max_crashes and job[3] == job[4] then
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
      if job[1] and job[5] then
        hand_out(last[i], job, last[i + 1])
      else
        strike_out(last[i])
      end
    end
  end
end

-- A token is the time of its claim: a wiped Redis that is filled again never repeats one.
local function claim_one(id)
  local job = redis.call('HMGET', JOB .. id, 'payload', 'token', 'attempts', 'crashes', 'priority')
  if job[1] and job[5] then
    local token = int(math.max(now, (tonumber(job[2] or '') or 0) + 1))
    redis.call('HSET', JOB .. id, 'token', token, 'worker', worker)
    hand_out(id, job, token)
  else
    strike_out(id)
  end
end

local function holds_something()
  for _, id in ipairs(redis.call('ZRANGE', INFLIGHT, 0, -1)) do
    local other = redis.call('HGET', JOB .. id, 'worker')
    if other and process_of(other) == process then
      return true
    end
  end
  return false
end

-- Whether the process holds a batch that is tried alone; what Redis forgot of that batch does not hold the process up.
local function is_kept_alone()
  local id = redis.call('HGET', ALONE, process)
  if not id then
    return false
  end
  local holder = redis.call('HGET', JOB .. id, 'worker')
  if holder and process_of(holder) == process and redis.call('ZSCORE', INFLIGHT, id) then
    return true
  end
  redis.call('HDEL', ALONE, process)
  return false
end

local function claim_alone(id)
  claim_one(id)
  redis.call('HSET', JOB .. id, 'alone', claim[#claim])
  redis.call('HSET', ALONE, process, id)
end

-- In the order of the queue. One that is to be tried alone ends it: it is taken by a process that holds nothing, and
-- waited for by one that does. Returns whether it is waited for.
local function claim_ready()
  for _ = 1, SWEEP do
    if #leases >= 3 * want or handed_out >= most_bytes then
      return false
    end
    local ids = redis.call('ZRANGE', READY, 0, math.min(want - #leases / 3, 100) - 1)
    if #ids == 0 then
      return false
    end
    local taken, alone = {}, nil
    for _, id in ipairs(ids) do
      if redis.call('HGET', JOB .. id, 'crashes') then
        alone = id
        break
      elseif handed_out < most_bytes then
        claim_one(id)
        taken[#taken + 1] = id
      end
    end
    if alone and #leases == 0 and not holds_something() then
      claim_alone(alone)
      taken[#taken + 1] = alone
    end
    if #taken > 0 then
      redis.call('ZREM', READY, unpack(taken))
    end
    if alone then
      return #leases == 0
    end
  end
  return false
end

local function lease_all()
  by_hundreds(deadlines, function(...) redis.call('ZADD', INFLIGHT, ...) end)
end

local function asked_to_go()
  local until_us = redis.call('ZSCORE', LEAVING, process)
  return until_us and tonumber(until_us) > now
end

local stale = acknowledge()
local owner = pipeline ~= '' and redis.call('HGET', META, 'pipeline')
if not owner or owner == pipeline then
  owner = false
else
  want = 0
end
local why = want > 0 and asked_to_go() and 'leaving'
if want > 0 then
  repeat_claim()
  lease_all()
end
promote_due()
local died = reclaim_expired()
if want > 0 then
  if #leases == 0 and not why then
    why = (is_kept_alone() or claim_ready()) and 'alone'
    lease_all()
  end
  if #leases > 0 then
    redis.call('HSET', CLAIMS, worker, cmsgpack.pack(claim))
  end
end
settle()
return {stale, died, leases, why, owner}
