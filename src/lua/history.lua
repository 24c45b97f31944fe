-- history: the last runs of a job. Reads only, so a replica may answer it.
--
-- ARGV  1 how many at most
-- reply "runs" now row...    newest first, as they are in runs: see remember
--       "none"               nothing is remembered
--       "malformed" key why / "newer" key version
local record, bad = load(JOB, SLOTS)
if not record then
  return bad
end
local rows = redis.pcall('LRANGE', RUNS, 0, ARGV[1] - 1)
if rows.err then
  return unreadable(RUNS, rows)
end
if #rows == 0 and not (record.ended or record.skips or record.paused_until or #record.holders > 0) then
  return { 'none' }
end
local reply = { 'runs', text(now) }
for i, row in ipairs(rows) do
  reply[i + 2] = row
end
return reply
