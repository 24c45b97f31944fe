-- resume: lifts a pause.
--
-- KEYS  1 job
-- ARGV  none
-- reply "resumed"
--       "nothing"    it was not paused, or not any more
--       "malformed" key why / "newer" key version
local record, bad = load(KEYS[1])
if bad then
  return bad
end
if not record.paused_until then
  return { 'nothing' }
end
local was = paused(record, clock())
local new = copied(record)
new.paused_until, new.paused_why = nil, nil
save(KEYS[1], record, new)
return { was and 'resumed' or 'nothing' }
