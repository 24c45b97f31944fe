-- finish: records how a run ended, retires its token and releases its lease, in one step.
--
-- ARGV  1 key  2 token  3 fence  4 start  5 outcome  6 code ("" if none)  7 who ("pid host")
--       8 rows to keep in runs ("": as many as there are)  9 slots  10 the ID that a success is remembered by ("" if none)
-- reply "recorded"     also when the lease had ended, if nobody took it
--       "superseded"   a later run was granted, or the lease was removed: a row in runs, the record stays as it is
--       "retired" "abandoned"
--       "malformed" key why / "newer" key version
-- Asked again, it gives the same answer.
local name, token, fence, start, outcome = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local code, who, history_limit, slots, id = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]

local record, answer = open(token, RUNS, 'list', id ~= '' and ONCE, 'zset')
if not record then
  return answer
end
if answer == 'abandoned' then
  return { 'retired', answer }
end
if answer then
  return { answer }
end

-- Begun at another time: this lease was lost, and then an acquire that came late or twice was granted another; or the
-- engine has lost this one. Nobody runs under those.
local held = find(record, token)
local mine = held and held.start == start
record.holders = replaced(record, held)
-- With slots a newer fence, or another holder, is nothing unusual.
-- The token may have been forgotten since: with one slot, the last fence is only gone without a trace where it was recorded.
if not held and slots == 1 and record.fence == fence and fence > (record.cut or 0) and #record.holders == 0 then
  return { 'recorded' }
end
local overtaken = slots == 1 and ((record.fence or 0) > fence or #living(record) > 0)
if not mine and (fence <= (record.cut or 0) or overtaken) then
  push_history(history_limit, fence, start, now, 'superseded', code, who)
  retire(token, 'superseded')
  if held then
    save(record)
    wake(record)
  end
  return { 'superseded' }
end

local bad = index(name)
if bad then
  return bad
end
set_field(record, 'fence', later(record.fence, fence))
record_outcome(record, outcome, code, start, later(record.ended, now), now - start)
if id ~= '' and outcome == 'success' then
  redis.call('ZADD', ONCE, 'NX', text(now), id)
end
push_history(history_limit, fence, start, now, outcome, code, who)
retire(token, 'recorded')
save(record)
wake(record)
return { 'recorded' }
