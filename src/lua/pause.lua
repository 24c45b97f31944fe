-- pause: blocks new runs of a job, or of all jobs, for a time or until resume. A run in progress continues.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 duration          ms; "": until resume
--        3 reason            may be ""; the caller limits it to 64 bytes
--        4 operator          a word of at most 50 bytes
--        5 all               "1": pauses all jobs of the namespace, and changes no record; or ""
-- reply  "paused" known     known: "1" if the job had a record before, or with all; else ""
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The duration starts again from now, and the new reason replaces the old one.
local name, length, why, by = ARGV[1], tonumber(ARGV[2]), ARGV[3], by_operator(ARGV[4])
local ends = length and now + length or GREATEST

if ARGV[5] == '1' then
  local fields = { 'paused_until', text(ends), 'paused_why', why, 'paused_by', by }
  change(PAUSE, length and {} or { 'paused_for' }, length and { 'paused_for', text(length), unpack(fields) } or fields)
  return commit() or { 'paused', '1' }
end

local record, bad = open(nil)
if not record then
  return bad
end

local known = record.v and '1' or ''
index(name)
local was = record.paused_until or 0
set_field(record, 'paused_until', ends)
set_field(record, 'paused_for', length)
set_field(record, 'paused_why', why ~= '' and why or nil)
set_field(record, 'paused_by', by)
save(record)
if record.paused_until < was then
  wake(record) -- a waiter may sleep until the old, later end
end
return commit() or { 'paused', known }
