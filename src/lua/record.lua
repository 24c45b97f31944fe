-- The opening of every script: what is read. What is compiled and run is this file, change.lua, and one verb's.
--
-- Every script gets the keys of its job, whether it uses them or not, always in this order; acquire gets more behind them.
local JOB, RUNS, RETIRED, INDEX, SLOTS, WAKE, STARTS, ONCE = unpack(KEYS, 1, 8)

-- {ns}:job:K is a hash. Its field names and their order are fixed; fields that are not listed here are kept as they are.
-- Times are the engine's clock in milliseconds since 1970, durations are milliseconds.
--   v             version of this layout; a greater one is answered with "newer", never overwritten
--   fence         the last fence given            cut           highest fence removed other than by its own finish
--   ok_start      when the last success began     ok_end        when the last success ended
--   ended         when the last run ended         outcome       how: success, failed, timeout, lost, superseded
--   code          its exit code (none if lost)    failed_at     when the last failure ended
--   failures_in_a_row             that, ending with the last run
--   skips         refusals since the last run
--   runs          runs ended, ever                failures      of these, how many failed
--   took          how long the last run took
--   paused_until  no run is granted before; GREATEST: before a resume             paused_why    why not
--   waiters_until somebody waits until then to be woken
--   h_*           the holder: token (secret), until (its lease ends), fence, start, revoked, who ("pid host")
--   h_slots       with more than one slot: how many; then the holders are not here but in {ns}:slots:K, one field each,
--                 token -> "until fence start revoked who", revoked being 1 or 0
-- Numbers come first, then texts.
local FIELDS = {
  'v', 'fence', 'cut', 'ok_start', 'ok_end', 'ended', 'code', 'failed_at', 'failures_in_a_row', 'skips', 'runs', 'failures',
  'took', 'paused_until', 'waiters_until', 'h_until', 'h_fence', 'h_start', 'h_slots', 'h_revoked',
  'outcome', 'paused_why', 'h_token', 'h_who',
}
local NUMBERS = 20 -- so many of them
local OUTCOMES = ' success failed timeout lost superseded '
local VERSION = 1
local RETIRED_FOR = 60000
local GREATEST = 9007199254740992 -- 2^53: a Lua number counts no further

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function text(n)
  return string.format('%.0f', n) -- tostring would write 1.7e+12
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

-- A number as it was stored; nil for anything else, and for one that could not be counted up.
local function number(value, greatest)
  local n = not string.find(value, '%D') and tonumber(value)
  return n and n < (greatest or GREATEST) and n or nil
end

-- The holders of a record, live or not, or nil and the answer to give. A holder is never changed, but replaced.
local function holders_of(record, key, slots)
  if not (record.h_token or record.h_until or record.h_fence or record.h_start or record.h_slots) then
    return {}
  end
  if not record.h_slots then
    if not (record.h_token and record.h_until and record.h_fence and record.h_start) then
      return nil, malformed(key, 'has a holder without h_token, h_until, h_fence or h_start')
    end
    return { {
      token = record.h_token, expires_at = record.h_until, fence = record.h_fence, start = record.h_start,
      revoked = record.h_revoked, who = record.h_who or '',
    } }
  end
  local pairs_of = redis.pcall('HGETALL', slots)
  if pairs_of.err then
    return nil, unreadable(slots, pairs_of)
  end
  local holders = {}
  for i = 1, #pairs_of, 2 do
    local expires_at, fence, start, revoked, who = string.match(pairs_of[i + 1], '^(%d+) (%d+) (%d+) ([01]) (.*)$')
    expires_at, fence, start = number(expires_at or ''), number(fence or ''), number(start or '')
    if not (expires_at and fence and start) then
      return nil, malformed(slots, 'has a field that is no holder')
    end
    holders[#holders + 1] = {
      token = pairs_of[i], expires_at = expires_at, fence = fence, start = start,
      revoked = revoked == '1' and 1 or nil, who = who,
    }
  end
  return holders
end

-- nil, or the answer to give when one of the fields' values is not as it should be.
local function checked(key, values)
  for i = 1, NUMBERS do
    local field, value = FIELDS[i], values[i]
    if not number(value, field == 'paused_until' and GREATEST + 2) then
      return malformed(key, 'field ' .. field .. ' is not a number')
    end
  end
end

-- The record of a job (without a field if it has none), or nil and the answer to give. Besides its fields it has `holders`
-- (and `loaded`, what they were at first), the `slots` that these share, and `changed`, the fields that save has to write.
--
-- Every run asks for this, and more than half of its time on the server may go into it. So the table is made in its final
-- size, and one look decides whether all of the numbers are digits.
local function load(key, slots)
  local values = redis.pcall('HMGET', key, unpack(FIELDS))
  if values.err then
    return nil, unreadable(key, values)
  end
  local record = {
    v = nil, fence = nil, cut = nil, ok_start = nil, ok_end = nil, ended = nil, code = nil, failed_at = nil,
    failures_in_a_row = nil, skips = nil, runs = nil, failures = nil, took = nil,
    changed = {}, holders = nil, loaded = nil, slots = nil,
    outcome = values[21] or nil, paused_why = values[22] or nil, h_token = values[23] or nil, h_who = values[24] or nil,
  }
  local doubtful = false
  for i = 1, NUMBERS do
    local value = values[i]
    if value then
      local n = tonumber(value)
      record[FIELDS[i]], doubtful = n, doubtful or not n or n >= GREATEST
    else
      values[i] = '0'
    end
  end
  if doubtful or string.find(table.concat(values, '', 1, NUMBERS), '%D') then
    local bad = checked(key, values)
    if bad then
      return nil, bad
    end
  end
  if record.outcome and not string.find(OUTCOMES, ' ' .. record.outcome .. ' ', 1, true) then
    return nil, malformed(key, 'field outcome is none of ours')
  end
  if (record.v or 0) > VERSION then
    return nil, { 'newer', key, text(record.v) }
  end
  -- A hash without v is somebody else's; an empty one does not exist.
  if not record.v and redis.call('EXISTS', key) == 1 then
    return nil, malformed(key, 'has no field v, so it is not a record of condolock')
  end
  local holders, bad = holders_of(record, key, slots)
  if bad then
    return nil, bad
  end
  record.holders, record.loaded, record.slots = holders, holders, record.h_slots or 1
  return record
end

local function copied(record)
  local copy = {}
  for field, value in pairs(record) do
    copy[field] = value
  end
  return copy
end

-- ---- holders

local function find(record, token)
  for _, holder in ipairs(record.holders) do
    if holder.token == token then
      return holder
    end
  end
end

local function is_live(holder)
  return holder.expires_at > now
end

-- The live holders, the one whose lease ends first in front.
local function living(record)
  local live = {}
  for _, holder in ipairs(record.holders) do
    if is_live(holder) then
      live[#live + 1] = holder
    end
  end
  if #live > 1 then
    table.sort(live, function(a, b) return a.expires_at < b.expires_at end)
  end
  return live
end

-- The record's holders without that one, and with another, where there is one.
local function replaced(record, old, new)
  local holders = {}
  for _, holder in ipairs(record.holders) do
    if holder ~= old then
      holders[#holders + 1] = holder
    end
  end
  holders[#holders + 1] = new
  return holders
end

-- The same table with one thing changed.
local function copy_with(one, field, value)
  local changed = copied(one)
  changed[field] = value
  return changed
end

local function paused(record)
  return record.paused_until and record.paused_until > now
end

-- {ns}:retired:K is a sorted set of "token answer" by time: a token that is done, and what it was told. So a request that
-- arrives late or twice is answered as the first one was, and never granted.
-- The answer that this token got, or nil; then the answer to give if the key can't be read.
local function retired(token)
  local scores = redis.pcall('ZMSCORE', RETIRED, token .. ' recorded', token .. ' superseded', token .. ' abandoned')
  if scores.err then
    return nil, unreadable(RETIRED, scores)
  end
  return scores[1] and 'recorded' or scores[2] and 'superseded' or scores[3] and 'abandoned' or nil
end

-- All that a verb reads before it writes: the types of the keys that it writes to (pairs of key and type), the record, and
-- what the token was told before (nil: the verb has none). A key that is false is left out.
-- Returns the record and that answer (or nil); nil and what to return, if anything is not as it should be.
local function open(token, ...)
  local answer, bad
  if token then
    answer, bad = retired(token)
  end
  local keys = { ... }
  for i = 1, #keys, 2 do
    bad = bad or (keys[i] and mistyped(keys[i], keys[i + 1]))
  end
  if bad then
    return nil, bad
  end
  local record
  record, bad = load(JOB, SLOTS)
  if record and (record.waiters_until or 0) > now then
    local length = redis.pcall('LLEN', WAKE)
    if type(length) == 'table' then
      return nil, unreadable(WAKE, length)
    end
    record.asleep = length == 0
  end
  return record, bad or answer
end
