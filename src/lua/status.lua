-- status: what is remembered of a job. Reads only, so a replica may answer it.
--
-- KEYS  1 job
-- ARGV  none
-- reply "record" now, then name and value of every field there is, but for the token, which is secret
--       "none" now
--       "malformed" key why / "newer" key version
local record, bad = load(KEYS[1])
if bad then
  return bad
end
local now = text(clock())
if not record.v then
  return { 'none', now }
end
local reply = { 'record', now }
for _, field in ipairs(FIELDS) do
  if record[field] and field ~= 'h_token' then
    reply[#reply + 1] = field
    reply[#reply + 1] = TEXT[field] and record[field] or text(record[field])
  end
end
return reply
