-- A worker's sign of life. KEYS: who and when, what they said. ARGV: worker, vitals, how long they count, in ms.
-- Both keys end with their last worker, so nothing has to clean up after them. What would count for longer than anything
-- does was said before Redis' clock was set back: who lives says it again.

redis.call('HDEL', KEYS[2], '')  -- as write_even_when_full in common.lua
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local until_ms = string.format('%.0f', now_ms + ARGV[3])
for _, range in ipairs({{'-inf', string.format('%.0f', now_ms)}, {'(' .. until_ms, '+inf'}}) do
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], range[1], range[2], 'LIMIT', 0, 100)) do
    redis.call('ZREM', KEYS[1], worker)
    redis.call('HDEL', KEYS[2], worker)
  end
end
redis.call('ZADD', KEYS[1], until_ms, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
