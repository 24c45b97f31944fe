-- list: the keys in the index, the longest inactive first. It only reads, so a replica may answer it.
--
-- KEYS   10 keys, as for every script (see record.lua); only the index is read
-- ARGV   1 where to begin: "-inf", or `score` of the last reply
--        2 after which name of that score: "", or `after` of the last reply
--        3 how many keys to read
-- reply  "names" score after long expired key...    score, after: where the next call begins; score "": these were the last.
--                                           long: how many names were left out, since they are longer than any key
--                                           expired: how many were left out, since their records have expired
--        "malformed" key why (see record.lua)
-- repeat It changes nothing.
-- A caller that continues until score is "" gets every key that was in the index throughout, some of them twice: a key only
-- moves towards the end, and then the names of its old score are read again.
local from, after, many = ARGV[1], ARGV[2], tonumber(ARGV[3])

local before = string.sub(from, 1, 1) == '(' and string.sub(from, 2) or '(' .. from
local begin = redis.pcall('ZCOUNT', INDEX, '-inf', before)
if type(begin) == 'table' then
  return unreadable(INDEX, begin, 'ZCOUNT')
end
if after ~= '' and redis.call('ZSCORE', INDEX, after) == from then
  begin = redis.call('ZRANK', INDEX, after) + 1
end
local found = redis.call('ZRANGE', INDEX, begin, begin + many - 1, 'WITHSCORES')
local score, long, expired, names = '', 0, 0, {}
local records = string.sub(INDEX, 1, #INDEX - #'index') .. 'job:'
for i = 1, #found, 2 do
  if #found[i] > LONGEST_NAME then
    long = long + 1
  else
    after = found[i]
    if redis.call('EXISTS', records .. after) == 1 then
      names[#names + 1] = after
    else
      expired = expired + 1 -- see expire_unused
    end
  end
end
if #found == 2 * many then
  score = found[#found]
  if #found[#found - 1] > LONGEST_NAME then
    score, after = '(' .. score, '' -- cannot continue after a name that is not ours: leave out the rest of this score
  end
else
  after = ''
end
local reply = { 'names', score, after, text(long), text(expired) }
for _, name in ipairs(names) do
  reply[#reply + 1] = name
end
return reply
