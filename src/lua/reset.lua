-- reset: forgets everything about a job except its fence, so that the next fence is still greater.
-- It sets cut to that fence: a process that still believes it holds the lease is told that it lost it.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 unused for        ms: with it, only a record that is idle, not paused, and has not been used for so long is
--                            removed, and its fence too; "": see above
-- reply  "reset"
--        "used"                      with 2: the record has been used since, or is paused
--        "nothing"                   there was nothing to forget
--        "held" who for left live    A lease is live, so nothing was forgotten. The fields are those of acquire's "held".
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is "nothing", unless something was recorded since.
-- The retired tokens stay, since a late request must get the same answer as before. They expire by themselves.
-- A record that is malformed is deleted, with a lease that may be in it: no other verb can change it. Its fence is kept if
-- it can be read and has a successor.
local name, unused_for = ARGV[1], tonumber(ARGV[2])

local listed = redis.pcall('ZSCORE', INDEX, name)
if type(listed) == 'table' then
  return unreadable(INDEX, listed, 'ZSCORE')
end
local record, bad = load(JOB, SLOTS)
if not record and bad[1] ~= 'malformed' then
  return bad
end
local live = record and living(record) or {}
if #live > 0 then
  local since = now - math.min(live[1].start, now)
  return { 'held', live[1].who, text(since), text(live[1].expires_at - now), text(#live) }
end
if unused_for then
  if not record then
    return bad
  end
  -- A refusal is no activity, so it does not change the index. It is a use: somebody still runs this job.
  local last = math.max(tonumber(listed or 0), record.refused_at or 0, record.ended or 0)
  for _, holder in ipairs(record.holders) do
    last = math.max(last, holder.expires_at) -- a run that was lost
  end
  if now - math.min(last, now) < unused_for or paused(record) then
    return { 'used' }
  end
end
if listed then
  write('ZREM', INDEX, name)
end
local gone = (listed and 1 or 0) + redis.call('EXISTS', RUNS, STARTS, ONCE)
write('DEL', RUNS, STARTS, ONCE)
for _, one in ipairs({ { SLOTS, 'hash' }, { RETIRED, 'zset' }, { WAKE, 'list' } }) do
  local key, kind = one[1], one[2]
  local wrong = record and mistyped(key, kind)
  if wrong and wrong.err then
    return wrong
  end
  if not record or wrong then
    gone = gone + 1
    write('DEL', key)
  elseif key == WAKE and (record.waiters_until or 0) > now then
    record.asleep = redis.call('LLEN', WAKE) == 0
  end
end
if not record then
  local fence = number(redis.pcall('HMGET', JOB, 'fence')[1] or '', GREATEST - 1)
  write('DEL', JOB)
  if fence then
    write('HSET', JOB, 'v', text(VERSION), 'fence', text(fence), 'cut', text(fence))
  end
  return commit(true) or { 'reset' }
end
if record.v and unused_for then
  write('DEL', JOB)
  gone = gone + 1
elseif record.v then
  local fence = record.fence and record.fence < GREATEST - 1 and record.fence or nil
  set_field(record, 'fence', fence)
  set_field(record, 'cut', fence)
  record.holders = {}
  for _, field in ipairs(FIELDS) do
    local kept = field == 'v' or field == 'fence' or field == 'cut' or field == 'waiters_until'
    if not kept and string.sub(field, 1, 2) ~= 'h_' then
      set_field(record, field, nil)
    end
  end
  gone = gone + (next(record.changed) and 1 or 0)
  save(record)
end
wake(record)
return commit(true) or { gone > 0 and 'reset' or 'nothing' }
