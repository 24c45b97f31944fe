-- renew: extends the lease of a run in progress, to `lease` ms from now.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 token
--        3 fence           of the grant
--        4 start           of the grant, ms since 1970
--        5 lease           ms
--        6 who             "pid host"
--        7 rows to keep    in the runs list; "": as before
--        8 slots           as in the acquire
-- reply  "renewed"            also after the lease ended, if no other run took it
--        "reasserted"         The engine had lost the lease, and no newer run was granted: the run holds it again.
--        "revoked" operator   the operator who revoked or removed the lease; "": unknown
--        "lost" fence         the lease was removed, or another run was granted; fence: the last one given
--        "finished" answer    the token is retired; answer is "recorded", "superseded" or "abandoned"
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat It extends the lease again. After "reasserted" the reply is "renewed".
local name, token, fence, start = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, who, rows_wanted, slots = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])

local record, answer = open(token)
if not record then
  return answer
end
if answer then
  return { 'finished', answer }
end

local mine = find(record, token)
if mine then
  -- Another start and a newer fence: this run's lease was lost, and a late or repeated acquire was granted a second one.
  local same = mine.start == start
  if mine.revoked then
    return { 'revoked', (operator_of(mine.revoked)) }
  end
  if not same and mine.fence > fence then
    return { 'lost', text(record.fence or 0) }
  end
  record.holders = replaced(record, mine)
  if same then
    -- The lease may have ended. No other run was granted, so the run may keep it.
    local again = copy_with(mine, 'expires_at', now + lease)
    again.length = lease
    again.fence = later(mine.fence, fence) -- after data loss the engine may have an older fence
    set_field(record, 'fence', later(record.fence, again.fence))
    record.holders = replaced(record, nil, again)
    save(record)
    return commit(true) or { 'renewed' }
  end
end
-- With several slots, one unlock removes several leases.
local freed = record.freed_fence and (record.freed_until or 0) > now and slots > 1 and fence <= record.freed_fence
if freed or fence == record.freed_fence then
  return { 'revoked', (operator_of(record.freed_by)) }
end
-- With several slots, the script cannot tell whether another run was granted this run's slot.
if slots > 1 or fence <= (record.cut or 0) or (record.fence or 0) > fence or #living(record) > 0 then
  return { 'lost', text(record.fence or 0) }
end
local bad = mistyped(RUNS, 'list')
if bad then
  return bad
end
index(name)
local new, lost = settled(record)
set_field(new, 'fence', fence)
new.slots = 1
new.holders =
  { { token = token, expires_at = now + lease, length = lease, fence = fence, start = start, who = who } }
for _, holder in ipairs(lost) do
  push_history(history_limit(new, rows_wanted), holder.fence, holder.start, holder.expires_at, 'lost', nil, holder.who)
end
save(new)
return commit(true) or { 'reasserted' }
