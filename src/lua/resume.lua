-- resume: ends a pause.
--
-- KEYS   the 9 keys of the job (see record.lua)
-- ARGV   none
-- reply  "resumed"
--        "nothing"    the job was not paused, or the pause had already ended
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is "nothing".
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
save(record)
wake(record)
return commit(true) or { was and 'resumed' or 'nothing' }
