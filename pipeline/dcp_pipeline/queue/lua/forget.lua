-- any state -> (gone); with 'dead', only dead ones. ARGV: 'any' or 'dead', then ids. Returns how many.

write_even_when_full()
local removed = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local bytes = redis.call('HGET', JOB .. id, 'bytes')
  local was_dead = redis.call('ZREM', DEAD, id) == 1
  if was_dead and bytes then
    add_bytes('dead_bytes', 0 - bytes)
  elseif bytes and ARGV[2] == 'any' then
    end_lease(id)
    redis.call('ZREM', READY, id)
    redis.call('ZREM', SCHEDULED, id)
    redis.call('ZREM', AGE, id)
    add_bytes('bytes', 0 - bytes)
  end
  if bytes and (was_dead or ARGV[2] == 'any') then
    redis.call('DEL', JOB .. id)
    removed = removed + 1
  end
end
settle()
return removed
