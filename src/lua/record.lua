-- The opening of every script. What is compiled and run is this file followed by one verb's.
--
-- {ns}:job:K is a hash. Its field names and their order are fixed; fields that are not listed here are kept as they are.
-- Times are the engine's clock in milliseconds since 1970, durations are milliseconds.
--   v             version of this layout; a greater one is answered with "newer", never overwritten
--   fence         the last fence given            cut           highest fence removed other than by its own finish
--   ok_start      when the last success began     ok_end        when the last success ended
--   ended         when the last run ended         outcome       how: success, failed, timeout, lost, superseded
--   code          its exit code (none if lost)    failed_at     when the last failure ended
--   fails         failures in a row               skips         refusals since the last run
--   runs          runs ended, ever                failures      of these, how many failed
--   took          how long the last run took
--   paused_until  no run is granted before; GREATEST: before a resume             paused_why    why not
--   waiters_until reserved for waiting
--   h_*           the holder: token (secret), until (its lease ends), fence, start, slots, revoked, who ("pid host")
local FIELDS = {
  'v', 'fence', 'cut', 'ok_start', 'ok_end', 'ended', 'outcome', 'code', 'failed_at', 'fails', 'skips', 'runs', 'failures',
  'took', 'paused_until', 'paused_why', 'waiters_until', 'h_token', 'h_until', 'h_fence', 'h_start', 'h_slots', 'h_revoked',
  'h_who',
}
local TEXT = { outcome = true, paused_why = true, h_token = true, h_who = true }
local OUTCOMES = { success = true, failed = true, timeout = true, lost = true, superseded = true }
local HOLDER = { 'h_token', 'h_until', 'h_fence', 'h_start', 'h_slots', 'h_revoked', 'h_who' }
local VERSION = 1
local RETIRED_FOR = 60000
local GREATEST = 9007199254740992 -- 2^53: a Lua number counts no further

local function text(n)
  return string.format('%.0f', n) -- tostring would write 1.7e+12
end

local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function malformed(key, why)
  return { 'malformed', key, why }
end

-- What a failed read means for the caller: a key of another type is a malformed record, the rest is passed on as it is.
local function unreadable(key, reply)
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    return malformed(key, 'holds another type of value')
  end
  return reply
end

-- nil when the key is absent or of that type; else the answer to give.
local function mistyped(key, wanted)
  local reply = redis.pcall('TYPE', key)
  if reply.err then
    return unreadable(key, reply)
  end
  if reply.ok ~= 'none' and reply.ok ~= wanted then
    return malformed(key, 'is a ' .. reply.ok .. ', not a ' .. wanted)
  end
end

-- A field's value as it was stored -> as the scripts use it, or nil and what is wrong with it.
local function checked(field, value)
  if field == 'outcome' and not OUTCOMES[value] then
    return nil, 'field outcome is none of ours'
  end
  if TEXT[field] then
    return value
  end
  local n = string.find(value, '^%d+$') and tonumber(value)
  if not n or n > GREATEST then
    return nil, 'field ' .. field .. ' is not a number'
  end
  return n
end

-- The record of a job (an empty table if it has none), or nil and the answer to give.
local function load(key)
  local values = redis.pcall('HMGET', key, unpack(FIELDS))
  if values.err then
    return nil, unreadable(key, values)
  end
  local record = {}
  for i, field in ipairs(FIELDS) do
    if values[i] then
      local value, why = checked(field, values[i])
      if why then
        return nil, malformed(key, why)
      end
      record[field] = value
      if field == 'v' and value > VERSION then
        return nil, { 'newer', key, text(value) }
      end
    end
  end
  if not record.v then
    if next(record) or redis.call('EXISTS', key) == 1 then
      return nil, malformed(key, 'has no field v, so it is not a record of condolock')
    end
    return record
  end
  if record.h_token and not (record.h_until and record.h_fence and record.h_start) then
    return nil, malformed(key, 'has a holder without h_until, h_fence or h_start')
  end
  return record
end

local function copied(record)
  local copy = {}
  for field, value in pairs(record) do
    copy[field] = value
  end
  return copy
end

local function release(record)
  for _, field in ipairs(HOLDER) do
    record[field] = nil
  end
end

-- A time of the record only moves forward, whatever the engine's clock does.
local function later(a, b)
  return math.max(a or 0, b)
end

local function add(record, field)
  record[field] = (record[field] or 0) + 1
end

-- Writes one ended run into the record. `at` is its end, `start` its beginning.
local function note(record, outcome, code, start, at)
  add(record, 'runs')
  local last = at >= (record.ended or 0)
  if outcome == 'success' then
    record.ok_start = later(record.ok_start, start)
    record.ok_end = later(record.ok_end, at)
  else
    add(record, 'failures')
    record.failed_at = later(record.failed_at, at)
  end
  if last then
    record.ended, record.outcome, record.code = at, outcome, code
    record.took = math.max(0, at - start)
    record.fails = outcome == 'success' and 0 or (record.fails or 0) + 1
  end
end

local function held(record, now)
  return record.h_token and record.h_until > now
end

local function paused(record, now)
  return record.paused_until and record.paused_until > now
end

-- The record as a reader sees it now: an expired holder is a lost run that ended when its lease did. The holder itself may
-- still renew or finish until the grant that replaces it, so only that grant stores what this returns.
local function settled(record, now)
  if not record.h_token or held(record, now) then
    return record
  end
  local copy = copied(record)
  note(copy, 'lost', nil, copy.h_start, copy.h_until)
  copy.cut = later(copy.cut, copy.h_fence)
  release(copy)
  return copy
end

local function save(key, old, new)
  local set, gone = {}, {}
  new.v = VERSION
  for _, field in ipairs(FIELDS) do
    local value = new[field]
    if value ~= old[field] then
      if value == nil then
        gone[#gone + 1] = field
      else
        set[#set + 1] = field
        set[#set + 1] = TEXT[field] and value or text(value)
      end
    end
  end
  -- Removal first: it is allowed where a server that is out of memory refuses to add, and what follows it in the same
  -- script is then allowed too. So a lease can always be given back.
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
  end
end

-- {ns}:runs:K is a list, newest first: "fence start end outcome code who". The code is "-" where there is none; a fence
-- of 0 marks a touch.
local function remember(key, keep, fence, start, at, outcome, code, who)
  if keep == 0 then
    redis.call('DEL', key)
    return
  end
  local row = table.concat({ text(fence), text(start), text(at), outcome, code and text(code) or '-', who }, ' ')
  redis.call('LPUSH', key, row)
  redis.call('LTRIM', key, 0, keep - 1)
end

-- {ns}:retired:K is a sorted set of "token answer" by time: a token that is done, and what it was told. So a request that
-- arrives late or twice is answered as the first one was, and never granted.
local ANSWERS = { 'recorded', 'superseded', 'abandoned' }

-- The answer that this token got, or nil; then the answer to give if the key can't be read.
local function retired(key, token)
  local scores = redis.pcall('ZMSCORE', key, token .. ' recorded', token .. ' superseded', token .. ' abandoned')
  if scores.err then
    return nil, unreadable(key, scores)
  end
  for i, answer in ipairs(ANSWERS) do
    if scores[i] then
      return answer
    end
  end
end

local function retire(key, token, answer, now)
  redis.call('ZADD', key, text(now), token .. ' ' .. answer)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. text(now - RETIRED_FOR))
  redis.call('PEXPIRE', key, text(RETIRED_FOR))
end

-- All that a verb reads before it writes: the types of its keys, the record, and what the token was told before.
-- Returns the record and that answer (or nil); nil and what to return, if anything is not as it should be. A key that the
-- verb has no use for is nil.
local function open(job, done, token, runs, index)
  local answer, bad
  if done then
    answer, bad = retired(done, token)
  end
  bad = bad or (runs and mistyped(runs, 'list')) or (index and mistyped(index, 'zset'))
  if bad then
    return nil, bad
  end
  local record
  record, bad = load(job)
  return record, bad or answer
end
