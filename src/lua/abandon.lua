-- abandon: releases a lease under which no command ran, and records no run.
-- It retires the token, so that an acquire that arrives late is not granted.
--
-- KEYS   the 10 keys of the job (see record.lua)
-- ARGV   1 token
-- reply  "abandoned"         also when the token held no lease
--        "retired" answer    the token is retired: answer is "recorded" or "superseded"
--        "malformed" key why / "newer" key version (see record.lua)
-- repeat The reply is the same, and nothing more is released.
local token = ARGV[1]

local record, answer = open(token)
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
  -- A list of starts that cannot be read must not keep the lease.
  for _, row in ipairs(redis.pcall('LRANGE', STARTS, 0, MOST_STARTS - 1)) do
    local _, fence = start_of(row)
    if fence == text(mine.fence) then
      write('LREM', STARTS, 1, row)
    end
  end
  wake(record)
elseif paused(record) then
  wake(record) -- this waiter may have consumed a wake-up: pass it on, or nobody sees the pause end
end
retire(token, 'abandoned')
return commit(true) or { 'abandoned' }
