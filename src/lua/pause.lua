-- pause: no further run of this job is granted, until a time or until resume. A live run goes on undisturbed.
--
-- ARGV  1 key  2 how long, ms ("" until resume)  3 reason, at most 64 bytes
-- reply "paused"
--       "malformed" key why / "newer" key version
-- Asked again, it counts from then.
local name, length, why = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local record, bad = open(nil)
if not record then
  return bad
end

bad = index(name)
if bad then
  return bad
end
local was = record.paused_until or 0
set_field(record, 'paused_until', length and now + length or GREATEST)
set_field(record, 'paused_why', why ~= '' and why or nil)
save(record)
if record.paused_until < was then
  wake(record) -- who sleeps until the old end has to look anew
end
return { 'paused' }
