-- touch: records what a run without length would have: outcome, end, and success or one more failure. Never a lease or a
-- fence, so a live run goes on undisturbed.
--
-- ARGV  1 key  2 token (names this request, so that it counts once)  3 outcome  4 code  5 who ("pid host")
--       6 rows to keep in runs ("": as many as there are)
-- reply "recorded"
--       "malformed" key why / "newer" key version
local name, token, outcome, code = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local who, history_limit = ARGV[5], tonumber(ARGV[6])

local record, answer = open(token, RUNS, 'list')
if not record then
  return answer
end
if answer then
  return { 'recorded' }
end

local bad = index(name)
if bad then
  return bad
end
record_outcome(record, outcome, code, now, later(record.ended, now), 0)
push_history(history_limit, 0, now, now, outcome, code, who)
retire(token, 'recorded')
save(record)
return { 'recorded' }
