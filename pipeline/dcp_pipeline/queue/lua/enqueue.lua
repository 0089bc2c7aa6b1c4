-- (new) -> ready | scheduled. ARGV: pipeline, delay in microseconds, then id, priority, payload of each job.
-- Returns how many were new, and the pipeline that owns the queue when that is another one.
-- Its first write is one that Redis refuses above maxmemory: all of the call is stored, or nothing.

local pipeline, delay_us = ARGV[2], tonumber(ARGV[3])
local owner = redis.call('HGET', META, 'pipeline')
if pipeline ~= '' then
  if owner and owner ~= pipeline then
    return {0, owner}
  end
  redis.call('HSET', META, 'pipeline', pipeline)
end

local now, added, added_bytes = now_us(), 0, 0
for i = 4, #ARGV, 3 do
  local id, priority, payload = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = redis.call('EXISTS', JOB .. id) == 1 and (is_somewhere(id) or put_back(id))
  if not known then
    local sequence = redis.call('HINCRBY', META, 'sequence', 1)
    redis.call('HSET', JOB .. id, 'payload', payload, 'bytes', #payload, 'priority', priority,
      'sequence', int(sequence), 'enqueued_at', int(now))
    redis.call('ZADD', AGE, int(now), id)
    if delay_us > 0 then
      redis.call('ZADD', SCHEDULED, int(now + delay_us), id)
    else
      redis.call('ZADD', READY, place(tonumber(priority), sequence), id)
    end
    added, added_bytes = added + 1, added_bytes + #payload
  end
end
if added > 0 then
  add_bytes('bytes', added_bytes)
end
settle()
return {added, false}
