-- status: the records of several jobs. It only reads, so a replica may answer it.
--
-- KEYS   10 keys, as for every script (see record.lua), which are not read; then for each job: its job key, its slots key
-- ARGV   none
-- reply  "records" now paused left why by since, then for each job, in the order of KEYS, one of:
--          "record" n, then for each of n holders: until fence start revoked who, then slots ahead m, then m pairs: field
--                   value. until, start: ms since 1970; revoked: "time:operator" or "". ahead: how far the furthest time
--                   lies in the future, ms; "": none does (see mend). The fields are those of record.lua without h_* and
--                   skip_of.
--          "none"   there is no record of the job
--          "malformed" key why / "newer" key version (see record.lua)
--        now: ms since 1970. paused: "1" if all jobs are paused, else ""; left, why, by, since: as acquire replies
--        for a paused job. A long reply ends before the last jobs: ask for those again.
-- repeat It changes nothing.
-- The reply never contains a token, or a part of one: tokens are secret.
local pause, unread = pause_of_all()
if unread then
  return unread
end
local reply = { 'records', text(now), pause and '1' or '' }
local function add_all(...)
  for _, part in ipairs({ ... }) do
    reply[#reply + 1] = part
  end
end

if pause then
  add_all(shown_pause(pause))
else
  add_all('', '', '', '')
end

-- A record with only these fields is what abandon or reset leaves. It is reported as "none".
local UNSEEN = { v = true, fence = true, cut = true, waiters_until = true }

local function add_record(record)
  local known, fields = #record.holders > 0, {}
  for _, field in ipairs(FIELDS) do
    local value = record[field]
    if value and string.sub(field, 1, 2) ~= 'h_' and field ~= 'skip_of' then
      known = known or not UNSEEN[field]
      fields[#fields + 1] = field
      fields[#fields + 1] = type(value) == 'number' and text(value) or value
    end
  end
  if not known then
    return add_all('none')
  end
  add_all('record', text(#record.holders))
  for _, holder in ipairs(record.holders) do
    add_all(text(holder.expires_at), text(holder.fence), text(holder.start), holder.revoked or '', holder.who)
  end
  add_all(text(record.slots), record.ahead and text(record.ahead) or '', text(#fields / 2))
  for _, part in ipairs(fields) do
    reply[#reply + 1] = part
  end
end

-- Elements of a reply. Clients limit the size of a reply, and a job may have a thousand holders.
local ENOUGH = 50000

for i = 11, #KEYS, 2 do
  if #reply > ENOUGH then
    break
  end
  local record, bad = load(KEYS[i], KEYS[i + 1])
  if record then
    add_record(record)
  elseif bad.err then
    return bad
  else
    add_all(unpack(bad))
  end
end
return reply
