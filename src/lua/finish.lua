-- finish: records how a run ended, retires its token and releases its lease, in one step.
--
-- KEYS  1 job  2 runs  3 retired  4 index
-- ARGV  1 key  2 token  3 fence  4 start  5 outcome  6 code ("" if none)  7 who ("pid host")  8 rows to keep in runs
-- reply "recorded"     also when the lease had ended, if nobody took it
--       "superseded"   a later run was granted, or the lease was removed: a row in runs, the record stays as it is
--       "retired" "abandoned"
--       "malformed" key why / "newer" key version
-- Asked again, it gives the same answer.
local job, runs, done, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, token, fence, start, outcome = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local code, who, keep = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local now = clock()

local record, answer = open(job, done, token, runs, index)
if not record then
  return answer
end
if answer == 'abandoned' then
  return { 'retired', answer }
end
if answer then
  return { answer }
end

local mine = record.h_token == token
if not mine and (fence <= (record.cut or 0) or (record.fence or 0) > fence or held(record, now)) then
  remember(runs, keep, fence, start, now, 'superseded', code, who)
  retire(done, token, 'superseded', now)
  return { 'superseded' }
end

local new = copied(record)
if mine then
  release(new)
end
new.fence = later(record.fence, fence)
note(new, outcome, code, start, later(record.ended, now))
new.skips = 0
redis.call('ZADD', index, text(now), name)
remember(runs, keep, fence, start, now, outcome, code, who)
retire(done, token, 'recorded', now)
save(job, record, new)
return { 'recorded' }
