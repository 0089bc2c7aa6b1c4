-- The indexes are compared with each other and with the jobs: what an eviction or a hand took out of one of them is put
-- back. ARGV: from which rank, how many of each index. Returns how many members had no job any more, how many jobs were
-- put back, and whether there are more. Bytes are counted anew where all of them were seen in one call.

local from, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local gone, back = 0, 0

local function slice(index)
  return redis.call('ZRANGE', index, from, from + most - 1)
end

local function is_gone(id)
  if is_job(id) then
    return false
  end
  strike_out(id)
  gone = gone + 1
  return true
end

local function of_age()
  local bytes, sequence = 0, 0
  for _, id in ipairs(slice(AGE)) do
    if not is_gone(id) then
      local job = redis.call('HMGET', JOB .. id, 'bytes', 'sequence')
      bytes, sequence = bytes + job[1], math.max(sequence, tonumber(job[2]))
      if not is_somewhere(id) then
        make_ready(id)
        back = back + 1
      end
    end
  end
  return bytes, sequence
end

local function of_state(index)
  for _, id in ipairs(slice(index)) do
    if not is_gone(id) and not redis.call('ZSCORE', AGE, id) then
      redis.call('ZADD', AGE, redis.call('HGET', JOB .. id, 'enqueued_at'), id)
      back = back + 1
    end
  end
end

local function of_dead()
  local bytes = 0
  for _, id in ipairs(slice(DEAD)) do
    if not is_gone(id) then
      bytes = bytes + redis.call('HGET', JOB .. id, 'bytes')
    end
  end
  return bytes
end

local function count(name, value)
  if (tonumber(redis.call('HGET', META, name)) or 0) ~= value then
    redis.call('HSET', META, name, int(value))
  end
end

write_even_when_full()
for _, index in ipairs({READY, SCHEDULED, INFLIGHT}) do
  of_state(index)
end
local bytes, sequence = of_age()
local dead_bytes = of_dead()
local more = false
for _, index in ipairs({AGE, READY, SCHEDULED, INFLIGHT, DEAD}) do
  more = more or redis.call('ZCARD', index) > from + most
end
if from == 0 and not more then
  count('bytes', bytes)
  count('dead_bytes', dead_bytes)
end
if sequence > (tonumber(redis.call('HGET', META, 'sequence')) or 0) then
  redis.call('HSET', META, 'sequence', int(sequence))
end
settle()
return {gone, back, more and 1 or 0}
