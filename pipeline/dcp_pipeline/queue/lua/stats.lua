-- Changes nothing. Returns the jobs that are ready, scheduled, in flight, dead, the bytes of the first three, those
-- of the dead, the age of the oldest that is not dead in microseconds, and how many were ever acknowledged. A script,
-- for these are to be of one moment, and above maxmemory Redis refuses even a MULTI that only reads.

local counts = redis.call('HMGET', META, 'bytes', 'dead_bytes', 'done')
local now = read_clock()
local oldest = redis.call('ZRANGE', AGE, 0, 0, 'WITHSCORES')[2]
return {
  redis.call('ZCARD', READY),
  redis.call('ZCARD', SCHEDULED),
  redis.call('ZCARD', INFLIGHT),
  redis.call('ZCARD', DEAD),
  tonumber(counts[1]) or 0,
  tonumber(counts[2]) or 0,
  oldest and math.max(0, now - tonumber(oldest)) or 0,
  tonumber(counts[3]) or 0,
}
