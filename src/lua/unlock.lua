-- unlock: revokes a lease. It is renewed no more: the next renewal is answered "lost", and the lease ends when its holder is
-- done, or at its end. With `at once` it is removed now, and its run written down as lost; its command may live on.
--
-- KEYS  1 job  2 runs  3 index
-- ARGV  1 key  2 at once: "1" or ""  3 rows to keep in runs
-- reply "revoked" who for left    also when it was revoked before
--       "removed" who for
--       "nothing"                 nobody holds it
--       "malformed" key why / "newer" key version
local job, runs, index = KEYS[1], KEYS[2], KEYS[3]
local name, at_once, keep = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local now = clock()

local record, bad = open(job, nil, nil, runs, index)
if not record then
  return bad
end
if not held(record, now) then
  return { 'nothing' }
end

local who, since = record.h_who or '', text(now - record.h_start)
local new = copied(record)
if not at_once then
  new.h_revoked = 1
  save(job, record, new)
  return { 'revoked', who, since, text(record.h_until - now) }
end
note(new, 'lost', nil, record.h_start, later(record.ended, now))
new.cut = later(record.cut, record.h_fence)
release(new)
redis.call('ZADD', index, text(now), name)
remember(runs, keep, record.h_fence, record.h_start, now, 'lost', nil, who)
save(job, record, new)
return { 'removed', who, since }
