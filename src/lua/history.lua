-- history: the last runs of a job. It only reads, so a replica may answer it.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 maximum number of rows, 1 or more
-- reply  "runs" now row...    newest first; a row is "fence start end outcome code who" (see push_history in change.lua);
--                             now: ms since 1970
--        "none"               the job has no history, no skips, no pause and no holder
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat It changes nothing.
local record, bad = load(JOB, SLOTS)
if not record then
  return bad
end
local rows = redis.pcall('LRANGE', RUNS, 0, ARGV[1] - 1)
if rows.err then
  return unreadable(RUNS, rows, 'LRANGE')
end
if #rows == 0 and not (record.ended or record.skips or record.paused_until or #record.holders > 0) then
  return { 'none' }
end
local reply = { 'runs', text(now) }
for i, row in ipairs(rows) do
  if #row > LONGEST_ROW then
    return malformed(RUNS, 'has a row with more than ' .. text(LONGEST_ROW) .. ' bytes')
  end
  reply[i + 2] = row
end
return reply
