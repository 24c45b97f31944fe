-- unlock: revokes the leases of a job. They are renewed no more: the next renewal is answered "lost", and a lease ends when
-- its holder is done, or at its end. With `at once` they are removed now, and their runs written down as lost; their
-- commands may live on.
--
-- ARGV  1 key  2 at once: "1" or ""  3 rows to keep in runs ("": as many as there are)
-- reply "revoked" n who for left    how many; one of them, and when the last ends. Also when they were revoked before.
--       "removed" n who for
--       "nothing"                   nobody holds it
--       "malformed" key why / "newer" key version
local name, at_once, history_limit = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])

local record, bad = open(nil, RUNS, 'list')
if not record then
  return bad
end
local live = living(record)
if #live == 0 then
  return { 'nothing' }
end

local last = live[#live]
bad = at_once and index(name)
if bad then
  return bad
end
for _, holder in ipairs(live) do
  if at_once then
    mark_lost(record, holder, later(record.ended, now))
    push_history(history_limit, holder.fence, holder.start, now, 'lost', nil, holder.who)
  else
    record.holders = replaced(record, holder, copy_with(holder, 'revoked', 1))
  end
end
save(record)
if at_once then
  wake(record)
  return { 'removed', text(#live), last.who, text(now - last.start) }
end
return { 'revoked', text(#live), last.who, text(now - last.start), text(last.expires_at - now) }
