-- What every script begins with: the names of the keys (keys.py lays out KEYS) and the steps that transitions share.

local READY, SCHEDULED, INFLIGHT, DEAD = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local AGE, META, CLAIMS, WAKE, LEAVING, ALONE = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local JOB = ARGV[1]

-- Lua's own conversion would write 1.7e+15.
local function int(number)
  return string.format('%.0f', number)
end

-- The queue's time in microseconds: Redis' clock, but it never goes back. Where that clock is set back, the queue's
-- runs on from where it was, `ahead` of the other, until the other is right again; or leases and delays would last as
-- much longer. Returns how far it is ahead, too.
local function read_clock()
  local time, last = redis.call('TIME'), redis.call('HMGET', META, 'clock', 'ahead')
  local here, latest = time[1] * 1000000 + time[2], tonumber(last[1]) or 0
  local now = here
  if here < latest then
    now = math.max(here + (tonumber(last[2]) or 0), latest)
  end
  return now, now - here
end

-- The same, remembered until settle() finds no job: nothing of what lasts is measured by it.
local function now_us()
  local now, ahead = read_clock()
  redis.call('HSET', META, 'clock', int(now), 'ahead', int(ahead))
  return now
end

-- Above maxmemory Redis refuses writes that may need memory, but only until a script has written anything:
-- it never stops one half way. Removing a field that never exists counts as that first write, on 6.2 (which
-- knows no flags) as well. Whatever lets the queue drain begins with this; enqueue does not.
local function write_even_when_full()
  redis.call('HDEL', META, '')
end

-- FIFO inside a priority. Up to 2^53 a double is exact: priority < 2^21. A queue that is never empty for 2^32
-- enqueues starts its sequence again: it breaks FIFO once and loses nothing.
local function place(priority, sequence)
  return int(priority * 4294967296 + sequence % 4294967296)
end

-- Some commands take many arguments: one call per hundred is cheaper than one each, and within what Lua can unpack.
local function by_hundreds(items, call)
  for first = 1, #items, 100 do
    call(unpack(items, first, math.min(first + 99, #items)))
  end
end

local function make_ready(id)
  local job = redis.call('HMGET', JOB .. id, 'priority', 'sequence')
  if job[1] and job[2] then
    redis.call('ZADD', READY, place(tonumber(job[1]), tonumber(job[2])), id)
  else
    redis.call('ZREM', AGE, id)
  end
end

-- Its process, of which each internal worker bears the name before its own: process/worker-1.
local function process_of(worker)
  return worker:match('^(.*)/') or worker
end

local function holds(id, token)
  return redis.call('HGET', JOB .. id, 'token') == token and redis.call('ZSCORE', INFLIGHT, id) ~= false
end

-- Whether it stands where a job that is not gone must stand: Redis may have evicted an index, or somebody a member.
local function is_somewhere(id)
  return redis.call('ZSCORE', READY, id) or redis.call('ZSCORE', SCHEDULED, id) or redis.call('ZSCORE', INFLIGHT, id)
    or redis.call('ZSCORE', DEAD, id)
end

-- Whether there is a job, whole. Somebody may have written a field into one that had gone the moment before.
local function is_job(id)
  for _, field in ipairs(redis.call('HMGET', JOB .. id, 'bytes', 'priority', 'sequence', 'enqueued_at')) do
    if not field or not tonumber(field) then
      return false
    end
  end
  return redis.call('HEXISTS', JOB .. id, 'payload') == 1
end

local function strike_out(id)
  for _, index in ipairs({READY, SCHEDULED, INFLIGHT, DEAD, AGE}) do
    redis.call('ZREM', index, id)
  end
  redis.call('DEL', JOB .. id)
end

-- A job that stands in no index any more: it is ready, at its old place. Returns false for what is none: it is gone.
local function put_back(id)
  if not is_job(id) then
    strike_out(id)
    return false
  end
  redis.call('ZADD', AGE, redis.call('HGET', JOB .. id, 'enqueued_at'), id)
  make_ready(id)
  return true
end

-- A process that holds a batch alone may be given others again.
local function end_alone(worker, id)
  if redis.call('HGET', ALONE, process_of(worker)) == id then
    redis.call('HDEL', ALONE, process_of(worker))
  end
end

-- A claim is remembered until one of its leases ends: by then its reply has arrived, or it does not matter.
local function end_lease(id)
  redis.call('ZREM', INFLIGHT, id)
  local worker = redis.call('HGET', JOB .. id, 'worker')
  if worker then
    redis.call('HDEL', CLAIMS, worker)
    end_alone(worker, id)
  end
end

local function add_bytes(counter, bytes)
  redis.call('HINCRBY', META, counter, int(bytes))
end

local function bury(id, reason, now)
  local bytes = tonumber(redis.call('HGET', JOB .. id, 'bytes')) or 0
  redis.call('HSET', JOB .. id, 'reason', reason)
  redis.call('ZADD', DEAD, int(now), id)
  redis.call('ZREM', AGE, id)
  add_bytes('bytes', 0 - bytes)
  add_bytes('dead_bytes', bytes)
end

-- The last step of whatever moved jobs. Counters end with what they count, so that not even an operator's DEL
-- makes them drift for longer than until the queue is empty; and a sleeping worker is woken while there is work.
-- One token is enough: who takes work and leaves some behind puts the next one.
local function settle()
  if redis.call('EXISTS', AGE) == 0 then
    redis.call('HDEL', META, 'sequence', 'bytes', 'clock', 'ahead')
  end
  if redis.call('EXISTS', DEAD) == 0 then
    redis.call('HDEL', META, 'dead_bytes')
  end
  if redis.call('EXISTS', READY) == 0 then
    redis.call('DEL', WAKE)
  elseif redis.call('EXISTS', WAKE) == 0 then
    redis.call('LPUSH', WAKE, '1')
  end
end
