-- renew: keeps the lease of a run that is still going.
--
-- KEYS  1 job  2 retired  3 index
-- ARGV  1 key  2 token  3 fence  4 start  5 lease, ms  6 who ("pid host")
-- reply "renewed"
--       "reasserted"        the lease was gone and nobody newer has run: taken again. The engine has lost data.
--       "lost" fence        revoked, removed, or another run came after this one (the last fence given)
--       "finished" answer   this token is done
--       "malformed" key why / "newer" key version
local job, done, index = KEYS[1], KEYS[2], KEYS[3]
local name, token, fence, start = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, who = tonumber(ARGV[5]), ARGV[6]
local now = clock()

local record, answer = open(job, done, token, nil, index)
if not record then
  return answer
end
if answer then
  return { 'finished', answer }
end

local new = copied(record)
if record.h_token == token then
  if record.h_revoked then
    return { 'lost', text(record.fence or 0) }
  end
  -- Even past its end: nobody took it, so nothing else has run.
  new.h_until = now + lease
  save(job, record, new)
  return { 'renewed' }
end
if fence <= (record.cut or 0) or (record.fence or 0) > fence or held(record, now) then
  return { 'lost', text(record.fence or 0) }
end
new.fence = fence
new.h_token, new.h_until, new.h_fence, new.h_start, new.h_who = token, now + lease, fence, start, who
new.h_slots, new.h_revoked = nil, nil
redis.call('ZADD', index, text(now), name)
save(job, record, new)
return { 'reasserted' }
