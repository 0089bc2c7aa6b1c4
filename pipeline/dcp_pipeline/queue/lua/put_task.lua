-- What another program may read about its task. KEYS: the task, the index of tasks. ARGV: id, then field and value.
-- The index holds when each task expires; it expires itself with its last task.

redis.call('HDEL', KEYS[1], '')  -- as write_even_when_full in common.lua
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', time[1])
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
if redis.call('TTL', KEYS[1]) == -1 then
  redis.call('ZADD', KEYS[2], '+inf', ARGV[1])
  redis.call('PERSIST', KEYS[2])
end
