-- Changes nothing. Returns how many microseconds until an exchange finds something to do: 0 for now, -1 for never.

if redis.call('EXISTS', READY) == 1 then
  return 0
end
local next_us = math.huge
for _, index in ipairs({SCHEDULED, INFLIGHT}) do
  local head = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  if head[2] then
    next_us = math.min(next_us, tonumber(head[2]))
  end
end
if next_us == math.huge then
  return -1
end
local now = read_clock()
return math.max(0, next_us - now)
