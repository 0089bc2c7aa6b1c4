-- Some worker processes are given nothing more for a while, and all others whatever there is. ARGV: for how long in
-- microseconds, how many are to go, then the processes there are, preferred ones first. Chosen are those that hold
-- nothing, then those that were chosen before, then those that hold least. One call with exchange.lua's claims: who is
-- found idle here stays idle. Returns the chosen ones, two entries each: name, and how many jobs it still holds.

local duration_us, wanted = tonumber(ARGV[2]), tonumber(ARGV[3])

local function held_by_process()
  local held = {}
  for _, id in ipairs(redis.call('ZRANGE', INFLIGHT, 0, -1)) do
    local worker = redis.call('HGET', JOB .. id, 'worker')
    if worker then
      local process = process_of(worker)
      held[process] = (held[process] or 0) + 1
    end
  end
  return held
end

local function candidates()
  local held, found = held_by_process(), {}
  for i = 4, #ARGV do
    local name = ARGV[i]
    local rank = not held[name] and 0 or redis.call('ZSCORE', LEAVING, name) and 1 or 2
    found[#found + 1] = {name = name, held = held[name] or 0, rank = rank, place = i}
  end
  table.sort(found, function(one, other)
    if one.rank ~= other.rank then
      return one.rank < other.rank
    elseif one.held ~= other.held then
      return one.held < other.held
    end
    return one.place < other.place
  end)
  return found
end

write_even_when_full()
local now = read_clock()
local chosen, deadline = {}, int(now + duration_us)
local ranked = candidates()
redis.call('DEL', LEAVING)
for i = 1, math.min(wanted, #ranked) do
  redis.call('ZADD', LEAVING, deadline, ranked[i].name)
  chosen[#chosen + 1], chosen[#chosen + 2] = ranked[i].name, ranked[i].held
end
redis.call('PEXPIRE', LEAVING, int(math.ceil(duration_us / 1000)))
return chosen
