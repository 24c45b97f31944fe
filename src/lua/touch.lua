-- touch: records what a run without length would have: outcome, end, and success or one more failure. Never a lease or a
-- fence, so a live run goes on undisturbed.
--
-- KEYS  1 job  2 runs  3 retired  4 index
-- ARGV  1 key  2 token (names this request, so that it counts once)  3 outcome  4 code  5 who ("pid host")
--       6 rows to keep in runs
-- reply "recorded"
--       "malformed" key why / "newer" key version
local job, runs, done, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, token, outcome, code, who, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local now = clock()

local record, answer = open(job, done, token, runs, index)
if not record then
  return answer
end
if answer then
  return { 'recorded' }
end

local new = copied(record)
note(new, outcome, code, now, later(record.ended, now))
new.skips = 0
redis.call('ZADD', index, text(now), name)
remember(runs, keep, 0, now, now, outcome, code, who)
retire(done, token, 'recorded', now)
save(job, record, new)
return { 'recorded' }
