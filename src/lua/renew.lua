-- renew: keeps the lease of a run that is still going.
--
-- ARGV  1 key  2 token  3 fence  4 start  5 lease, ms  6 who ("pid host")
--       7 rows to keep in runs ("": as many as there are)  8 slots
-- reply "renewed"
--       "reasserted"        the lease was gone and nobody newer has run: taken again. The engine has lost data.
--       "lost" fence        revoked, removed, or another run came after this one (the last fence given)
--       "finished" answer   this token is done
--       "malformed" key why / "newer" key version
local name, token, fence, start = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, who, history_limit, slots = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])

local record, answer = open(token)
if not record then
  return answer
end
if answer then
  return { 'finished', answer }
end

local mine = find(record, token)
if mine then
  -- Begun at another time, and newer: this lease was lost, and then an acquire that came late or twice was granted another.
  local same = mine.start == start
  if mine.revoked or not same and mine.fence > fence then
    return { 'lost', text(record.fence or 0) }
  end
  record.holders = replaced(record, mine)
  if same then
    -- Even past its end: nobody took it, so nothing else has run.
    local again = copy_with(mine, 'expires_at', now + lease)
    again.fence = later(mine.fence, fence) -- an engine that lost data may know an older one
    set_field(record, 'fence', later(record.fence, again.fence))
    record.holders = replaced(record, nil, again)
    save(record)
    return { 'renewed' }
  end
end
-- With slots nobody knows whose place it would be.
if slots > 1 or fence <= (record.cut or 0) or (record.fence or 0) > fence or #living(record) > 0 then
  return { 'lost', text(record.fence or 0) }
end
local bad = mistyped(RUNS, 'list') or index(name)
if bad then
  return bad
end
local new, lost = settled(record)
set_field(new, 'fence', fence)
new.slots, new.holders = 1, { { token = token, expires_at = now + lease, fence = fence, start = start, who = who } }
for _, holder in ipairs(lost) do
  push_history(history_limit, holder.fence, holder.start, holder.expires_at, 'lost', nil, holder.who)
end
save(new)
return { 'reasserted' }
