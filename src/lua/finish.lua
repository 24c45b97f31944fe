-- finish: records how a run ended, retires its token and releases its lease, in one step.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 token
--        3 fence           of the grant
--        4 start           of the grant, ms since 1970
--        5 outcome         "success", "failed", "timeout" or "lost"
--        6 code            exit code, 0 or more; "": none
--        7 who             "pid host"
--        8 rows to keep    in the runs list; "": as before
--        9 slots           as in the acquire
--        10 ID             the --once ID, kept if the run succeeded; "": none
--        11 age            ms since the command ended, if the run waited for what it had left; "": 0
-- reply  "recorded" failures    also if the lease had ended, unless another run took it; failures: in a row, now
--        "superseded"           A later run was granted, or the lease was removed. The runs list gets a row, and the
--                               counts and times of the record stay as they are.
--        "retired" "abandoned"  the token was abandoned before
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is the same, and nothing is counted twice.
local name, token, fence, start, outcome = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local code, who, rows_wanted, slots, id = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local ended = now - math.max(0, math.min(tonumber(ARGV[11]) or 0, now - start))

local record, answer = open(token)
if not record then
  return answer
end
if answer == 'abandoned' then
  return { 'retired', answer }
end
local function recorded()
  return { 'recorded', text(record.failures_in_a_row or 0) }
end
if answer then
  return answer == 'recorded' and recorded() or { answer }
end

-- The token may hold a second lease, with another start: its own lease was removed, or lost by the engine, and then a late
-- or repeated acquire was granted. No command runs under the second lease, so release it too.
local held = find(record, token)
local mine = held and held.start == start
record.holders = replaced(record, held)
-- A repeat may arrive after the retired token has expired. With one slot, the run was recorded if its fence is still the
-- last one, nobody holds a lease and the fence was not cut.
if not held and slots == 1 and record.fence == fence and fence > (record.cut or 0) and #record.holders == 0 then
  return recorded()
end
-- With several slots, a newer fence or another live holder is normal.
local overtaken = slots == 1 and ((record.fence or 0) > fence or #living(record) > 0)
if not mine and (fence <= (record.cut or 0) or overtaken) then
  push_history(history_limit(record, rows_wanted), fence, start, ended, 'superseded', code, who)
  if fence == record.freed_fence and slots == 1 then
    set_field(record, 'freed_until', nil) -- the command of the lease that unlock --now removed is gone
    set_field(record, 'freed_fence', nil)
    set_field(record, 'freed_by', nil)
  end
  retire(token, 'superseded')
  save(record)
  if held then
    wake(record)
  end
  return commit(true) or { 'superseded' }
end

index(name)
set_field(record, 'fence', later(record.fence, fence))
record_outcome(record, outcome, code, start, later(record.ended, ended), ended - start,
  mine and held.revoked or nil)
if id ~= '' and outcome == 'success' then
  write('ZADD', ONCE, 'NX', text(now), id)
end
push_history(history_limit(record, rows_wanted), fence, start, ended, outcome, code, who)
retire(token, 'recorded')
save(record)
wake(record)
return commit(true) or recorded()
