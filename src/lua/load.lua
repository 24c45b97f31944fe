-- The second part of every script, after record.lua: functions that read a record.

-- A time on record that lies in the future counts as now: the engine's clock went back, or somebody wrote it. So nothing is
-- blocked for longer than its own duration. Verbs that write also store it as now. A pause or a lease that would last longer
-- than its length counts as beginning now. The start and the fence of a holder identify it, so they stay as they are.
-- record.ahead: how far the furthest of these times was in the future, ms; nil: none was.
local function is_ahead(record)
  local last = math.max(record.ok_start or 0, record.ok_end or 0, record.ended or 0, record.failed_at or 0,
    record.refused_at or 0)
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
  for _, field in ipairs({ 'ok_start', 'ok_end', 'ended', 'failed_at', 'refused_at' }) do
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
    return nil, unreadable(key, values, 'HMGET')
  end
  local record = {
    v = nil, fence = nil, cut = nil, ok_start = nil, ok_end = nil, ended = nil, code = nil, failed_at = nil,
    failures_in_a_row = nil, skips = nil, refusals = nil, refused_at = nil, runs = nil, failures = nil, took = nil,
    key = key, slots_key = slots, changed = {}, holders = nil, loaded = nil, slots = nil,
    outcome = values[NUMBERS + 1] or nil, paused_why = values[NUMBERS + 2] or nil, paused_by = values[NUMBERS + 3] or nil,
    refused_who = values[NUMBERS + 4] or nil, refused_why = values[NUMBERS + 5] or nil,
    freed_by = values[NUMBERS + 6] or nil, revoked_by = values[NUMBERS + 7] or nil, h_token = values[NUMBERS + 8] or nil,
    h_who = values[NUMBERS + 9] or nil, h_revoked = values[NUMBERS + 10] or nil, skip_of = values[NUMBERS + 11] or nil,
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
    return nil, malformed(key, 'field outcome is unknown')
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

-- The pause of all jobs, with the fields paused_* of a record: nil if there is none; or nil and the reply to give.
-- is_mended: the pause would have lasted longer than its length (see mend).
local function pause_of_all()
  local values = redis.pcall('HMGET', PAUSE, 'paused_until', 'paused_for', 'paused_why', 'paused_by')
  if values.err then
    return nil, unreadable(PAUSE, values, 'HMGET')
  end
  if not values[1] then
    return nil
  end
  local ends, length = number(values[1], GREATEST + 2), number(values[2] or '0')
  local why, by = values[3] or '', values[4] or ''
  if not ends or not length or #why > LONGEST_TEXT or #by > LONGEST_TEXT then
    return nil, malformed(PAUSE, 'has an invalid field')
  end
  local latest = values[2] and now + length or ends
  local pause = { paused_until = math.min(ends, latest), paused_why = why, paused_by = by, is_mended = ends > latest }
  return paused(pause) and pause or nil
end

-- Left, reason, operator, since. Left and since are in ms; left is "" for a pause that only resume ends.
local function shown_pause(pause)
  local left = pause.paused_until < GREATEST and text(pause.paused_until - now) or ''
  return left, pause.paused_why or '', operator_of(pause.paused_by)
end

-- {ns}:retired:K is a sorted set: "token answer" -> time of retirement. A late or repeated request gets the same answer
-- again, and is never granted. Returns that answer or nil; or nil and the reply to give if the key cannot be read.
local function retired(token)
  local scores = redis.pcall('ZMSCORE', RETIRED, token .. ' recorded', token .. ' superseded', token .. ' abandoned')
  if scores.err then
    return nil, unreadable(RETIRED, scores, 'ZMSCORE')
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
      return nil, unreadable(WAKE, length, 'LLEN')
    end
    record.asleep = length == 0
  end
  return record, bad or answer
end
