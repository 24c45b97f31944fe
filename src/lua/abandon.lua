-- abandon: gives back a lease under which no command ran, and retires its token so that a late acquire can't take it again.
--
-- ARGV  1 token
-- reply "abandoned"
--       "retired" answer    this token was done before
--       "malformed" key why / "newer" key version
local token = ARGV[1]

local record, answer = open(token, STARTS, 'list')
if not record then
  return answer
end
if answer and answer ~= 'abandoned' then
  return { 'retired', answer }
end

local mine = find(record, token)
if mine then
  record.holders = replaced(record, mine)
  save(record)
  redis.call('LREM', STARTS, 1, text(mine.start) .. ' ' .. text(mine.fence))
  wake(record)
elseif paused(record) then
  wake(record) -- as acquire does for one that leaves during a pause
end
retire(token, 'abandoned')
return { 'abandoned' }
