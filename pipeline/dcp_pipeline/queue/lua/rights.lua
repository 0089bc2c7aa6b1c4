-- Which commands the user may not run on the queue's keys, and which keys it may not touch. KEYS: one that there never is,
-- the inbox. Returns the names of commands, and of keys. Leaves nothing behind, and writes nothing where it could not.

local NEVER, INBOX = KEYS[1], KEYS[2]
local refused = {}

local function try(command, ...)
  local reply = redis.pcall(command, ...)
  local why = type(reply) == 'table' and reply.err
  if not why then
    return
  end
  if string.find(why, "can't access", 1, true) or string.find(why, 'to access', 1, true) then
    refused[#refused + 1] = ...
  elseif string.find(why, "can't run", 1, true) or string.find(why, 'no permissions to run', 1, true) then
    refused[#refused + 1] = command
  end
end

local GROUPS = {
  {{'HSET', 'f', '1'}, {'HSETNX', 'g', '1'}, {'HGET', 'f'}, {'HMGET', 'f'}, {'HGETALL'}, {'HEXISTS', 'f'},
   {'HINCRBY', 'f', '1'}, {'HDEL', 'f'}},
  {{'ZADD', '1', 'm'}, {'ZSCORE', 'm'}, {'ZCARD'}, {'ZCOUNT', '0', '1'}, {'ZRANGE', '0', '-1'},
   {'ZRANGEBYSCORE', '0', '1'}, {'ZREM', 'm'}, {'ZREMRANGEBYSCORE', '0', '1'}},
  {{'LPUSH', '1'}, {'LINDEX', '0'}, {'LLEN'}, {'LRANGE', '0', '-1'}, {'LTRIM', '0', '9'}, {'RPOP'}},
  {{'SET', '1'}, {'GET'}, {'TYPE'}, {'EXISTS'}, {'EXPIRE', '9'}, {'EXPIREAT', '99999999999'}, {'PEXPIRE', '9000'},
   {'PERSIST'}, {'TTL'}},
}

try('DEL', NEVER)
if #refused > 0 then
  return refused
end
try('TIME')
try('EXISTS', INBOX)
for _, group in ipairs(GROUPS) do
  for _, each in ipairs(group) do
    try(each[1], NEVER, unpack(each, 2))
  end
  redis.call('DEL', NEVER)
end
return refused
