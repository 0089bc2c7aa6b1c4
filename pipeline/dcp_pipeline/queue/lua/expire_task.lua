-- A task is finished: it is remembered for a while. KEYS as put_task. ARGV: id, seconds. Returns 0 when unknown.

redis.call('HDEL', KEYS[1], '')  -- as write_even_when_full in common.lua
if redis.call('EXPIRE', KEYS[1], ARGV[2]) == 0 then
  return 0
end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] + ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
if last[2] ~= 'inf' then
  redis.call('EXPIREAT', KEYS[2], last[2])
end
return 1
