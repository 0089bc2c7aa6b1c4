-- in flight -> in flight, with its progress. ARGV: id, token, done, total. Returns 1, or 0 when it is not held.

write_even_when_full()
if not holds(ARGV[2], ARGV[3]) then
  return 0
end
redis.call('HSET', JOB .. ARGV[2], 'done', ARGV[4], 'total', ARGV[5])
return 1
