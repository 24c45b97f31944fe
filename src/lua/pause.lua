-- pause: blocks new runs of a job for a time or until resume. A run in progress continues.
--
-- KEYS   the 9 keys of the job (see record.lua)
-- ARGV   1 key
--        2 duration          ms; "": until resume
--        3 reason            may be ""; the caller limits it to 64 bytes
-- reply  "paused" known     known: "1" if the job had a record before, else ""
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The duration starts again from now, and the new reason replaces the old one.
local name, length, why = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local record, bad = open(nil)
if not record then
  return bad
end

local known = record.v and '1' or ''
index(name)
local was = record.paused_until or 0
set_field(record, 'paused_until', length and now + length or GREATEST)
set_field(record, 'paused_for', length)
set_field(record, 'paused_why', why ~= '' and why or nil)
save(record)
if record.paused_until < was then
  wake(record) -- a waiter may sleep until the old, later end
end
return commit() or { 'paused', known }
