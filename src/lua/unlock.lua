-- unlock: revokes all live leases of a job. A revoked lease cannot be renewed: the next renew is answered "revoked". The
-- lease lasts until its holder finishes, or until its end.
-- With `at once`, unlock removes the leases now and records their runs as lost. Their commands may still be running.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 key
--        2 at once         "1" or ""
--        3 rows to keep    in the runs list; "": as before
--        4 operator        a word of at most 50 bytes
-- reply  "revoked" n who for left    also if they were revoked before
--        "removed" n who for left    only with at once; their commands may run until then
--        "nothing"                   no lease is live
--        "malformed" key why / "newer" key version (see record.lua)
--        n: number of leases. who, for, left: the holder whose lease ends last, the time since its start, the time to its
--        end, in ms.
-- repeat Revoked leases are reported again. After "removed" the reply is "nothing".
local name, at_once, rows_wanted, by = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3]), by_operator(ARGV[4])

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
  set_field(record, 'freed_until', later(record.freed_until, last.expires_at))
  for _, holder in ipairs(live) do
    set_field(record, 'freed_fence', later(record.freed_fence, holder.fence))
  end
  set_field(record, 'freed_by', by)
end
for _, holder in ipairs(live) do
  if at_once then
    mark_lost(record, holder, later(record.ended, now), by)
    push_history(history_limit(record, rows_wanted), holder.fence, holder.start, now, 'lost', nil, holder.who)
  else
    record.holders = replaced(record, holder, copy_with(holder, 'revoked', holder.revoked or by))
  end
end
save(record)
if at_once then
  wake(record)
end
local since = text(now - math.min(last.start, now))
return commit(true) or { at_once and 'removed' or 'revoked', text(#live), last.who, since, text(last.expires_at - now) }
