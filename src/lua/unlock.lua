-- unlock: revokes all live leases of a job. A revoked lease cannot be renewed: the next renew is answered "lost". The lease
-- lasts until its holder finishes, or until its end.
-- With `at once`, unlock removes the leases now and records their runs as lost. Their commands may still be running.
--
-- KEYS   the 9 keys of the job (see record.lua)
-- ARGV   1 key
--        2 at once         "1" or ""
--        3 rows to keep    in the runs list; "": as before
-- reply  "revoked" n who for left    also if they were revoked before
--        "removed" n who for         only with at once
--        "nothing"                   no lease is live
--        "malformed" key why / "newer" key version (see record.lua)
--        n: number of leases. who, for, left: the holder whose lease ends last, the time since its start, the time to its
--        end, in ms.
-- repeat Revoked leases are reported again. After "removed" the reply is "nothing".
local name, at_once, rows_wanted = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])

local record, bad = open(nil, RUNS, 'list')
if not record then
  return bad
end
local live = living(record)
if #live == 0 then
  return { 'nothing' }
end

local last = live[#live]
if at_once then
  index(name)
end
for _, holder in ipairs(live) do
  if at_once then
    mark_lost(record, holder, later(record.ended, now))
    push_history(history_limit(record, rows_wanted), holder.fence, holder.start, now, 'lost', nil, holder.who)
  else
    record.holders = replaced(record, holder, copy_with(holder, 'revoked', 1))
  end
end
save(record)
if at_once then
  wake(record)
end
local since = text(now - math.min(last.start, now))
return commit(true) or at_once and { 'removed', text(#live), last.who, since }
  or { 'revoked', text(#live), last.who, since, text(last.expires_at - now) }
