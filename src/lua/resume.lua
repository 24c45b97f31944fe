-- resume: lifts a pause.
--
-- ARGV  none
-- reply "resumed"
--       "nothing"    it was not paused, or not any more
--       "malformed" key why / "newer" key version
local record, bad = open(nil)
if not record then
  return bad
end
if not record.paused_until then
  return { 'nothing' }
end
local was = paused(record)
set_field(record, 'paused_until', nil)
set_field(record, 'paused_why', nil)
save(record)
wake(record)
return { was and 'resumed' or 'nothing' }
