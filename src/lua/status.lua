-- status: what is remembered of a job. Reads only, so a replica may answer it.
--
-- ARGV  none
-- reply "record" now n, until fence start revoked ("1" or "") who of each of the n holders, slots, then name and value of
--       every other field there is
--       "none" now
--       "malformed" key why / "newer" key version
-- The holders' tokens are secret.
local record, bad = load(JOB, SLOTS)
if not record then
  return bad
end
if not record.v then
  return { 'none', text(now) }
end
local reply = { 'record', text(now), text(#record.holders) }
local function add_all(...)
  for _, part in ipairs({ ... }) do
    reply[#reply + 1] = part
  end
end
for _, holder in ipairs(record.holders) do
  add_all(text(holder.till), text(holder.fence), text(holder.start), holder.revoked and '1' or '', holder.who)
end
add_all(text(record.slots))
for _, field in ipairs(FIELDS) do
  if record[field] and string.sub(field, 1, 2) ~= 'h_' then
    add_all(field, type(record[field]) == 'number' and text(record[field]) or record[field])
  end
end
return reply
