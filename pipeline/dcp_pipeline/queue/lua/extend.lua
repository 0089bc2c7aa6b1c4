-- in flight -> in flight, with a later deadline. ARGV: lease in microseconds, then id and token of each lease.
-- Returns the ids that are not held any more.

write_even_when_full()
local lost, deadline = {}, nil
for i = 3, #ARGV, 2 do
  if holds(ARGV[i], ARGV[i + 1]) then
    deadline = deadline or int(now_us() + tonumber(ARGV[2]))
    redis.call('ZADD', INFLIGHT, deadline, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
