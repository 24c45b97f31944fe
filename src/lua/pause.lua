-- pause: no further run of this job is granted, until a time or until resume. A live run goes on undisturbed.
--
-- KEYS  1 job  2 index
-- ARGV  1 key  2 how long, ms ("" until resume)  3 reason, at most 64 bytes
-- reply "paused"
--       "malformed" key why / "newer" key version
-- Asked again, it counts from then.
local job, index = KEYS[1], KEYS[2]
local name, length, why = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local now = clock()

local record, bad = open(job, nil, nil, nil, index)
if not record then
  return bad
end

local new = copied(record)
new.paused_until = length and now + length or GREATEST
new.paused_why = why ~= '' and why or nil
redis.call('ZADD', index, text(now), name)
save(job, record, new)
return { 'paused' }
