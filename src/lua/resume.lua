-- resume: ends the pause of a job, or the pause of all jobs.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 all        "1": ends the pause of all jobs, and of no single job; or ""
-- reply  "resumed"
--        "nothing"    the job was not paused, or the pause had already ended
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is "nothing".
if ARGV[1] == '1' then
  local was, unread = pause_of_all()
  if unread and unread[1] ~= 'malformed' then
    return unread
  end
  write('DEL', PAUSE)
  return commit(true) or { (was or unread) and 'resumed' or 'nothing' }
end

local record, bad = open(nil)
if not record then
  return bad
end
if not record.paused_until then
  return { 'nothing' }
end
local was = paused(record)
set_field(record, 'paused_until', nil)
set_field(record, 'paused_for', nil)
set_field(record, 'paused_why', nil)
set_field(record, 'paused_by', nil)
save(record)
wake(record)
return commit(true) or { was and 'resumed' or 'nothing' }
