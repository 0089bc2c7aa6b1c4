-- The inbox's oldest entry leaves only if it is still the one that was read. KEYS: the inbox. ARGV: that entry.

if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then
  return 0
end
redis.call('RPOP', KEYS[1])
return 1
