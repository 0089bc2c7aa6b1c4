-- Changes nothing. ARGV: how many priorities at most. Returns each priority in use and its jobs, first served first.

local STEP = 4294967296
local counts, from = {}, '-inf'
for _ = 1, tonumber(ARGV[2]) do
  local head = redis.call('ZRANGEBYSCORE', READY, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not head[2] then
    break
  end
  local priority = math.floor(tonumber(head[2]) / STEP)
  from = int((priority + 1) * STEP)
  counts[#counts + 1] = {priority, redis.call('ZCOUNT', READY, head[2], '(' .. from)}
end
return counts
