-- status: what is remembered of jobs. Reads only, so a replica may answer it.
--
-- KEYS  behind those of a job, which are not looked at: for each job that is asked for, its record and its slots
-- ARGV  none
-- reply "records" now, then for each job in turn, until the reply is long enough, one of
--         "record" n, until fence start revoked ("1" or "") who of each of the n holders, slots, m, name and value of the m
--                  other fields that there are
--         "none"   nothing is remembered
--         "malformed" key why / "newer" key version
-- The holders' tokens are secret.
local reply = { 'records', text(now) }
local function add_all(...)
  for _, part in ipairs({ ... }) do
    reply[#reply + 1] = part
  end
end

-- What a run that was given back leaves behind, and a reset, is no record to a reader.
local UNSEEN = { v = true, fence = true, cut = true, waiters_until = true }

local function add_record(record)
  local known, fields = #record.holders > 0, {}
  for _, field in ipairs(FIELDS) do
    local value = record[field]
    if value and string.sub(field, 1, 2) ~= 'h_' then
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
    add_all(text(holder.expires_at), text(holder.fence), text(holder.start), holder.revoked and '1' or '', holder.who)
  end
  add_all(text(record.slots), text(#fields / 2))
  for _, part in ipairs(fields) do
    reply[#reply + 1] = part
  end
end

-- A job may have a thousand holders, and a client takes no reply without an end.
local ENOUGH = 50000

for i = 9, #KEYS, 2 do
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
