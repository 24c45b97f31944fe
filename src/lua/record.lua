-- The first part of every script: functions that read. A script is this file, change.lua and one verb's file, joined.
--
-- KEYS of every script, whether it uses them or not; {ns} is the namespace and K the key:
--   1 {ns}:job:K      hash: the record (see FIELDS)
--   2 {ns}:runs:K     list: the history (see push_history)
--   3 {ns}:retired:K  sorted set: retired tokens (see retired)
--   4 {ns}:index      sorted set: all keys (see index)
--   5 {ns}:slots:K    hash: the holders of a job with several slots (see FIELDS)
--   6 {ns}:wake:K     list: at most one wake-up; waiters block on it
--   7 {ns}:starts:K   list, newest first: "start fence" of each run that acquire is to count
--   8 {ns}:once:K     sorted set: --once ID -> time of its first success
--   9 {ns}:spare:K    never exists outside of a script (see commit)
-- acquire and status have more after these.
--
-- Replies are flat arrays; numbers in them are decimal text. Every script may reply, with nothing changed in any record:
--   "malformed" key why      that Redis key holds something that condolock does not write
--   "newer" key version      a later version of condolock wrote the record
-- Other errors of the server are passed on as error replies.
local JOB, RUNS, RETIRED, INDEX, SLOTS, WAKE, STARTS, ONCE, SPARE = unpack(KEYS, 1, 9)

-- {ns}:job:K is a hash. Its field names and their order are fixed. Fields that are not listed here are kept as they are.
-- Times are on the engine's clock, in ms since 1970. Durations are in ms.
--   v                  version of this layout; a greater one is answered with "newer" and never overwritten
--   fence              the last fence given
--   cut                the highest fence whose lease was taken away: by a later grant, by unlock --now or by reset
--   ok_start, ok_end   start and end of the last success
--   ended              end of the last run
--   outcome            of the last run: success, failed, timeout or lost
--   code               exit code of the last run; absent if none was reported
--   failed_at          end of the last failure
--   failures_in_a_row  failures since the last success
--   skips              refusals since the last run
--   runs, failures     how many runs ended, and how many of them failed
--   took               duration of the last run
--   paused_until       end of the pause; GREATEST: until resume
--   paused_for         length of the pause; absent: until resume
--   paused_why         reason for the pause
--   waiters_until      a waiter may be asleep until this time
--   history_limit      how many rows {ns}:runs:K keeps; absent: HISTORY
--   h_*                the holder: token (secret), until (end of its lease), length (of its lease), fence, start, revoked (1
--                      or absent), who ("pid host")
--   h_slots            number of slots, if more than one. The holders are then in {ns}:slots:K, one field for each:
--                      token -> "until length fence start revoked who", with revoked 1 or 0.
-- The numbers come first, then the texts.
local FIELDS = {
  'v', 'fence', 'cut', 'ok_start', 'ok_end', 'ended', 'code', 'failed_at', 'failures_in_a_row', 'skips', 'runs', 'failures',
  'took', 'paused_until', 'paused_for', 'waiters_until', 'history_limit', 'h_until', 'h_length', 'h_fence', 'h_start',
  'h_slots', 'h_revoked', 'outcome', 'paused_why', 'h_token', 'h_who',
}
local NUMBERS = 23 -- how many of FIELDS are numbers
local OUTCOMES = ' success failed timeout lost superseded '
local VERSION = 1
local RETIRED_FOR = 60000 -- ms
local HISTORY = 20 -- rows
local GREATEST = 9007199254740992 -- 2^53: a Lua number (a double) counts exactly up to here

-- condolock never exceeds these bounds. A record beyond them is malformed: reading it would cost the server, and everybody
-- who shares it, too much. The client limits its texts and numbers to the same values.
local LONGEST_TEXT = 64 -- bytes of a field that is a text, and of a token
local LONGEST_ROW = 256 -- bytes of an element of {ns}:runs:K or {ns}:starts:K
local LONGEST_NAME = 1024 -- bytes of a key
local MOST_HOLDERS = 1000 -- of one job
local MOST_ROWS = 10000 -- of {ns}:runs:K
local MOST_STARTS = 2000 -- elements of {ns}:starts:K: one for each of --max-runs, and one for each slot
local LONGEST_SLEEP = 30000 -- ms that a waiter sleeps at once
local SLEEP_MARGIN = 5000 -- ms for a refusal to arrive and for the sleep to begin

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function text(n)
  return string.format('%.0f', n) -- tostring would write 1.7e+12
end

local function malformed(key, why)
  return { 'malformed', key, why }
end

-- The reply to give after a failed read: "malformed" for a wrong type, else the server's own error.
local function unreadable(key, reply)
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    return malformed(key, 'holds another type of value')
  end
  return reply
end

-- nil if the key is absent or has the wanted type; else the reply to give.
local function mistyped(key, wanted)
  local reply = redis.pcall('TYPE', key)
  if reply.err then
    return unreadable(key, reply)
  end
  if reply.ok ~= 'none' and reply.ok ~= wanted then
    return malformed(key, 'is a ' .. reply.ok .. ', not a ' .. wanted)
  end
end

-- Converts a text of digits to a number below `greatest` (default: GREATEST). Returns nil for any other text, and for a
-- greater number, since adding to it would not be exact.
local function number(value, greatest)
  local n = #value <= LONGEST_TEXT and not string.find(value, '%D') and tonumber(value)
  return n and n < (greatest or GREATEST) and n or nil
end

-- The holders of a record, live or expired; or nil and the reply to give. A holder's table is never modified, only replaced:
-- save_slots relies on it. `length` may be nil for a single holder: then its end is taken as it is.
local function holders_of(record, key, slots)
  if not (record.h_token or record.h_until or record.h_fence or record.h_start or record.h_slots) then
    return {}
  end
  if not record.h_slots then
    if not (record.h_token and record.h_until and record.h_fence and record.h_start) then
      return nil, malformed(key, 'has a holder without h_token, h_until, h_fence or h_start')
    end
    return { {
      token = record.h_token, expires_at = record.h_until, length = record.h_length, fence = record.h_fence,
      start = record.h_start, revoked = record.h_revoked, who = record.h_who or '',
    } }
  end
  local many = redis.pcall('HLEN', slots)
  if type(many) == 'table' then
    return nil, unreadable(slots, many)
  end
  if many > MOST_HOLDERS or record.h_slots > MOST_HOLDERS then
    return nil, malformed(slots, 'has more than ' .. text(MOST_HOLDERS) .. ' holders')
  end
  local pairs_of = redis.pcall('HGETALL', slots)
  if pairs_of.err then
    return nil, unreadable(slots, pairs_of)
  end
  local holders = {}
  for i = 1, #pairs_of, 2 do
    local token, value = pairs_of[i], pairs_of[i + 1]
    if #token > LONGEST_TEXT or #value > LONGEST_ROW then
      return nil, malformed(slots, 'has a field that is longer than 64 or 256 bytes')
    end
    local expires_at, length, fence, start, revoked, who = string.match(value, '^(%d+) (%d+) (%d+) (%d+) ([01]) (.*)$')
    expires_at, length = number(expires_at or ''), number(length or '')
    fence, start = number(fence or ''), number(start or '')
    if not (expires_at and length and fence and start) then
      return nil, malformed(slots, 'has a field that is no holder')
    end
    holders[#holders + 1] = {
      token = token, expires_at = expires_at, length = length, fence = fence, start = start,
      revoked = revoked == '1' and 1 or nil, who = who,
    }
  end
  return holders
end

-- nil, or the reply to give if a number field has an invalid value. A pause may end at GREATEST.
local function checked(key, values)
  for i = 1, NUMBERS do
    local field, value = FIELDS[i], values[i]
    if not number(value, field == 'paused_until' and GREATEST + 2) then
      return malformed(key, 'field ' .. field .. ' is not a number')
    end
  end
end

-- A time on record that lies in the future counts as now: the engine's clock went back, or somebody wrote it. So nothing is
-- blocked for longer than its own duration. Verbs that write also store it as now. A pause or a lease that lasts longer than
-- its length counts as beginning now. A start and a fence of a holder identify it and stay as they are.
-- record.ahead: how far the furthest of these times was in the future, ms; nil: none was.
local function is_ahead(record)
  local last = math.max(record.ok_start or 0, record.ok_end or 0, record.ended or 0, record.failed_at or 0)
  if last > now or (record.waiters_until or 0) > now + LONGEST_SLEEP + SLEEP_MARGIN
    or (record.paused_until or 0) - now > (record.paused_for or GREATEST) then
    return true
  end
  for _, holder in ipairs(record.holders) do
    if holder.start > now or holder.expires_at - now > (holder.length or GREATEST) then
      return true
    end
  end
end

local function mend(record)
  local function found(ahead)
    record.ahead = math.max(record.ahead or 0, ahead)
  end
  local function put(field, at)
    record[field] = at
    record.changed[field] = true
  end
  for _, field in ipairs({ 'ok_start', 'ok_end', 'ended', 'failed_at' }) do
    local ahead = (record[field] or 0) - now
    if ahead > 0 then
      found(ahead)
      put(field, now)
    end
  end
  local pause_ends = now + (record.paused_for or GREATEST)
  if (record.paused_until or 0) > pause_ends then
    found(record.paused_until - pause_ends)
    put('paused_until', pause_ends)
  end
  local asleep = now + LONGEST_SLEEP + SLEEP_MARGIN
  if (record.waiters_until or 0) > asleep then
    put('waiters_until', asleep)
  end
  for i, holder in ipairs(record.holders) do
    local ahead = holder.length and holder.expires_at - now - holder.length or 0
    if ahead > 0 then
      found(ahead)
      if record.holders == record.loaded then
        record.holders = { unpack(record.loaded) }
      end
      local new = {}
      for name, value in pairs(holder) do
        new[name] = value
      end
      new.expires_at = now + holder.length
      record.holders[i] = new
    end
    if holder.start > now then
      found(holder.start - now)
    end
  end
end

-- The record of a job, or nil and the reply to give. Without a record in Redis, all of its fields are nil. It also has:
--   key, slots_key   where it is stored
--   holders   a list of tables: token, expires_at, length, fence, start, revoked, who
--   loaded    holders as they were read
--   slots     how many holders there may be
--   changed   the set of fields that save has to write
--   ahead     see mend
--
-- Every run loads a record, which may take more than half of its time on the server. So the table is created in its final
-- size, and one pattern search checks the digits of all numbers.
local function load(key, slots)
  local values = redis.pcall('HMGET', key, unpack(FIELDS))
  if values.err then
    return nil, unreadable(key, values)
  end
  local record = {
    v = nil, fence = nil, cut = nil, ok_start = nil, ok_end = nil, ended = nil, code = nil, failed_at = nil,
    failures_in_a_row = nil, skips = nil, runs = nil, failures = nil, took = nil,
    key = key, slots_key = slots, changed = {}, holders = nil, loaded = nil, slots = nil,
    outcome = values[NUMBERS + 1] or nil, paused_why = values[NUMBERS + 2] or nil,
    h_token = values[NUMBERS + 3] or nil, h_who = values[NUMBERS + 4] or nil,
  }
  local doubtful = false
  for i = 1, NUMBERS do
    local value = values[i]
    if value then
      local n = tonumber(value)
      record[FIELDS[i]], doubtful = n, doubtful or not n or n >= GREATEST or #value > LONGEST_TEXT
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
  for i = NUMBERS + 1, #FIELDS do
    if values[i] and #values[i] > LONGEST_TEXT then
      return nil, malformed(key, 'field ' .. FIELDS[i] .. ' has more than ' .. text(LONGEST_TEXT) .. ' bytes')
    end
  end
  if (record.history_limit or 0) > MOST_ROWS then
    return nil, malformed(key, 'field history_limit is more than ' .. text(MOST_ROWS))
  end
  if record.outcome and not string.find(OUTCOMES, ' ' .. record.outcome .. ' ', 1, true) then
    return nil, malformed(key, 'field outcome is none of ours')
  end
  if (record.v or 0) > VERSION then
    return nil, { 'newer', key, text(record.v) }
  end
  -- condolock always writes v, and Redis has no empty hash. So an existing hash without v is not ours.
  if not record.v and redis.call('EXISTS', key) == 1 then
    return nil, malformed(key, 'has no field v, so it is not a record of condolock')
  end
  local holders, bad = holders_of(record, key, slots)
  if bad then
    return nil, bad
  end
  record.holders, record.loaded, record.slots = holders, holders, record.h_slots or 1
  if is_ahead(record) then
    mend(record)
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

-- The live holders, sorted by the end of their leases.
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

-- A new list of holders, without `old` and with `new`; either may be nil.
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

-- A copy with one field changed.
local function copy_with(one, field, value)
  local changed = copied(one)
  changed[field] = value
  return changed
end

local function paused(record)
  return record.paused_until and record.paused_until > now
end

-- {ns}:retired:K is a sorted set: "token answer" -> time of retirement. A late or repeated request gets the same answer
-- again, and is never granted. Returns that answer or nil; or nil and the reply to give if the key cannot be read.
local function retired(token)
  local scores = redis.pcall('ZMSCORE', RETIRED, token .. ' recorded', token .. ' superseded', token .. ' abandoned')
  if scores.err then
    return nil, unreadable(RETIRED, scores)
  end
  return scores[1] and 'recorded' or scores[2] and 'superseded' or scores[3] and 'abandoned' or nil
end

-- Makes all reads and checks that come before the first write, since Redis does not undo what a failed script has written.
-- token: looked up among the retired ones; nil if the verb has none. The rest are pairs of a key that the verb writes and
-- its type; a pair with the key false is left out.
-- Returns the record and the answer that a retired token got (or nil); or nil and the reply to give.
-- record.asleep: a waiter may be asleep and no wake-up is pending. Then wake has to push one.
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
