-- list: the keys in the index, the longest inactive first. It only reads, so a replica may answer it.
--
-- KEYS   8 keys, as for every script (see record.lua); only the index is read
-- ARGV   1 where to begin: "-inf", or `on` of the last reply
--        2 how many keys to return; more if several have the time of the last one
-- reply  "names" on key...    on: where the next call begins; "": these were the last
--        "malformed" key why (see record.lua)
-- repeat It changes nothing.
-- A caller that continues until on is "" gets every key that was in the index throughout, some of them twice. A key only
-- moves towards the end, and a reply never ends between two keys with the same time.
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
