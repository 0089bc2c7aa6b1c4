-- dead -> ready, as if new: behind what waits, without attempts and crashes. ARGV: ids. Returns how many.

write_even_when_full()
local now, requeued = now_us(), 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local bytes = redis.call('HGET', JOB .. id, 'bytes')
  if redis.call('ZREM', DEAD, id) == 1 and bytes then
    local sequence = redis.call('HINCRBY', META, 'sequence', 1)
    redis.call('HDEL', JOB .. id, 'attempts', 'crashes', 'reason', 'ended', 'done', 'total', 'alone')
    redis.call('HSET', JOB .. id, 'sequence', int(sequence), 'enqueued_at', int(now))
    redis.call('ZADD', AGE, int(now), id)
    add_bytes('dead_bytes', 0 - bytes)
    add_bytes('bytes', bytes)
    make_ready(id)
    requeued = requeued + 1
  end
end
settle()
return requeued
