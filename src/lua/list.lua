-- list: the names of jobs, those first that nobody touched for longest. Reads only, so a replica may answer it.
--
-- KEYS  those of a job, of which only the index is looked at
-- ARGV  1 where to begin: what the answer before gave as `on`, or "-inf"  2 how many at once
-- reply "names" on name...     on "" at the end
--       "malformed" key why
-- Who goes on until the end gets every name that was there all the time, some of them twice: a name only moves towards the
-- end, and an answer never stops between two of the same time.
local from, many = ARGV[1], tonumber(ARGV[2])

local names = redis.pcall('ZRANGEBYSCORE', INDEX, from, '+inf', 'LIMIT', 0, many)
if names.err then
  return unreadable(INDEX, names)
end
local on = ''
if #names == many then
  local last = redis.call('ZSCORE', INDEX, names[many])
  on = '(' .. last
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', INDEX, last, last)) do
    names[#names + 1] = name
  end
end
local reply = { 'names', on }
for i, name in ipairs(names) do
  reply[i + 2] = name
end
return reply
