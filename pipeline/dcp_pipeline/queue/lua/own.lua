-- The queue belongs to one pipeline, recorded in it by whoever came first. ARGV: pipeline. Returns the owner.

write_even_when_full()
redis.call('HSETNX', META, 'pipeline', ARGV[2])
return redis.call('HGET', META, 'pipeline')
