-- reset: forgets all of a job but its fences, so that whoever still believes to hold it is told that it lost.
--
-- ARGV  1 key
-- reply "reset"
--       "nothing"                    there was nothing to forget
--       "held" who for left live     a lease is live, so nothing was forgotten: see acquire
--       "malformed" key why / "newer" key version
-- The retired tokens stay: they go by themselves, and until then a late request must be told what it was told before.
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
