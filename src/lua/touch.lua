-- touch: records a run of zero length, with its outcome, as finish does for a real run.
-- It takes no lease and gives no fence, so a run in progress continues.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 token           random; identifies this request, so that repeating it counts once
--        3 outcome         as for finish
--        4 code            exit code, 0 or more; "": none
--        5 who             "pid host"
--        6 rows to keep    in the runs list; "": as before
-- reply  "recorded" failures    failures: in a row, now
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat With the same token, within a minute: the reply is the same, and nothing is counted again.
local name, token, outcome, code = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local who, rows_wanted = ARGV[5], tonumber(ARGV[6])

local record, answer = open(token)
if not record then
  return answer
end
if answer then
  return { 'recorded', text(record.failures_in_a_row or 0) }
end

index(name)
record_outcome(record, outcome, code, now, later(record.ended, now), 0)
push_history(history_limit(record, rows_wanted), 0, now, now, outcome, code, who)
retire(token, 'recorded')
save(record)
return commit() or { 'recorded', text(record.failures_in_a_row or 0) }
