-- Which jobs are there, in any state. ARGV: ids. Returns 1 or 0 for each. One that stands in no index any more (a server
-- that evicts takes whole keys, an index as well as a job) is put back where it was ready.

write_even_when_full()
local found = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  found[#found + 1] = redis.call('EXISTS', JOB .. id)
  if found[#found] == 1 and not is_somewhere(id) and not put_back(id) then
    found[#found] = 0
  end
end
settle()
return found
