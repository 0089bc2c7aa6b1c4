-- everything -> (gone), a piece at a time. ARGV: how many jobs at most. Returns how many went: 0 when none is left.

write_even_when_full()
local gone = 0
for _, index in ipairs({AGE, DEAD}) do
  local ids = redis.call('ZRANGE', index, 0, tonumber(ARGV[2]) - 1)
  for _, id in ipairs(ids) do
    redis.call('DEL', JOB .. id)
    redis.call('ZREM', index, id)
    redis.call('ZREM', READY, id)
    redis.call('ZREM', SCHEDULED, id)
    redis.call('ZREM', INFLIGHT, id)
  end
  gone = gone + #ids
end
if gone == 0 then
  redis.call('DEL', READY, SCHEDULED, INFLIGHT, DEAD, AGE, META, CLAIMS, WAKE, LEAVING, ALONE)
end
return gone
