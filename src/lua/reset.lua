-- reset: forgets everything about a job except its fence, so that the next fence is still greater.
-- It sets cut to that fence: a process that still believes it holds the lease is told that it lost it.
--
-- KEYS   the 8 keys of the job (see record.lua)
-- ARGV   1 key
-- reply  "reset"
--        "nothing"                   there was nothing to forget
--        "held" who for left live    A lease is live, so nothing was forgotten. The fields are those of acquire's "held".
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is "nothing", unless something was recorded since.
-- The retired tokens stay, since a late request must get the same answer as before. They expire by themselves.
local name = ARGV[1]

local record, bad = open(nil, RUNS, 'list', STARTS, 'list', ONCE, 'zset', INDEX, 'zset')
if not record then
  return bad
end
local live = living(record)
if #live > 0 then
  return { 'held', live[1].who, text(now - live[1].start), text(live[1].expires_at - now), text(#live) }
end
local gone = redis.call('DEL', RUNS, STARTS, ONCE) + redis.call('ZREM', INDEX, name)
if record.v then
  set_field(record, 'cut', record.fence)
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
return { gone > 0 and 'reset' or 'nothing' }
