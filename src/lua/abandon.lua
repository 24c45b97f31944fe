-- abandon: gives back a lease under which no child ran, and retires its token so that a late acquire can't take it again.
--
-- KEYS  1 job  2 retired
-- ARGV  1 token
-- reply "abandoned"
--       "retired" answer    this token was done before
--       "malformed" key why / "newer" key version
local job, done = KEYS[1], KEYS[2]
local token = ARGV[1]
local now = clock()

local record, answer = open(job, done, token)
if not record then
  return answer
end
if answer and answer ~= 'abandoned' then
  return { 'retired', answer }
end

if record.h_token == token then
  local new = copied(record)
  release(new)
  save(job, record, new)
end
retire(done, token, 'abandoned', now)
return { 'abandoned' }
