-- The opening of every script. What is compiled and run is this file followed by one verb's.
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
--   fails         failures in a row               skips         refusals since the last run
--   runs          runs ended, ever                failures      of these, how many failed
--   took          how long the last run took
--   paused_until  no run is granted before; GREATEST: before a resume             paused_why    why not
--   waiters_until somebody waits until then to be woken
--   h_*           the holder: token (secret), until (its lease ends), fence, start, revoked, who ("pid host")
--   h_slots       with more than one slot: how many; then the holders are not here but in {ns}:slots:K, one field each,
--                 token -> "until fence start revoked who", revoked being 1 or 0
local FIELDS = {
  'v', 'fence', 'cut', 'ok_start', 'ok_end', 'ended', 'outcome', 'code', 'failed_at', 'fails', 'skips', 'runs', 'failures',
  'took', 'paused_until', 'paused_why', 'waiters_until', 'h_token', 'h_until', 'h_fence', 'h_start', 'h_slots', 'h_revoked',
  'h_who',
}
local TEXT = { outcome = true, paused_why = true, h_token = true, h_who = true }
local OUTCOMES = { success = true, failed = true, timeout = true, lost = true, superseded = true }
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
  local n = string.find(value, '^%d+$') and tonumber(value)
  return n and n < (greatest or GREATEST) and n or nil
end

-- A field's value as it was stored -> as the scripts use it, or nil and what is wrong with it.
local function checked(field, value)
  if field == 'outcome' and not OUTCOMES[value] then
    return nil, 'field outcome is none of ours'
  end
  if TEXT[field] then
    return value
  end
  local n = number(value, field == 'paused_until' and GREATEST + 2)
  if not n then
    return nil, 'field ' .. field .. ' is not a number'
  end
  return n
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
      token = record.h_token, till = record.h_until, fence = record.h_fence, start = record.h_start,
      revoked = record.h_revoked, who = record.h_who or '',
    } }
  end
  local pairs_of = redis.pcall('HGETALL', slots)
  if pairs_of.err then
    return nil, unreadable(slots, pairs_of)
  end
  local holders = {}
  for i = 1, #pairs_of, 2 do
    local till, fence, start, revoked, who = string.match(pairs_of[i + 1], '^(%d+) (%d+) (%d+) ([01]) (.*)$')
    till, fence, start = number(till or ''), number(fence or ''), number(start or '')
    if not (till and fence and start) then
      return nil, malformed(slots, 'has a field that is no holder')
    end
    holders[#holders + 1] = {
      token = pairs_of[i], till = till, fence = fence, start = start, revoked = revoked == '1' and 1 or nil, who = who,
    }
  end
  return holders
end

-- The record of a job (without a field if it has none), or nil and the answer to give.
local function load(key, slots)
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
  if not record.v and (next(record) or redis.call('EXISTS', key) == 1) then
    return nil, malformed(key, 'has no field v, so it is not a record of condolock')
  end
  local holders, bad = holders_of(record, key, slots)
  if bad then
    return nil, bad
  end
  record.holders, record.slots = holders, record.h_slots or 1
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
  return holder.till > now
end

-- The live holders, the one whose lease ends first in front.
local function living(record)
  local live = {}
  for _, holder in ipairs(record.holders) do
    if is_live(holder) then
      live[#live + 1] = holder
    end
  end
  table.sort(live, function(a, b) return a.till < b.till end)
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

-- The same holder with one thing changed.
local function with(holder, field, value)
  local changed = copied(holder)
  changed[field] = value
  return changed
end

-- ---- changes

-- A time of the record only moves forward, whatever the engine's clock does.
local function later(a, b)
  return math.max(a or 0, b)
end

local function add(record, field)
  record[field] = (record[field] or 0) + 1
end

-- Writes one ended run into the record. `at` is its end on record, `took` how long it really was.
local function note(record, outcome, code, start, at, took)
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
    record.took = math.max(0, took)
    record.fails = outcome == 'success' and 0 or (record.fails or 0) + 1
    record.skips = 0
  end
end

local function paused(record)
  return record.paused_until and record.paused_until > now
end

-- A holder's run is written down as lost, and its lease removed.
local function lose(record, holder, at)
  note(record, 'lost', nil, holder.start, at, at - holder.start)
  record.cut = later(record.cut, holder.fence)
  record.holders = replaced(record, holder)
end

-- The record as a reader sees it now: an expired holder is a lost run that ended when its lease did. The holder itself may
-- still renew or finish until the grant that replaces it, so only that grant stores what this returns. Then the holders
-- that were lost.
local function settled(record)
  local lost = {}
  for _, holder in ipairs(record.holders) do
    if not is_live(holder) then
      lost[#lost + 1] = holder
    end
  end
  if #lost == 0 then
    return record, lost
  end
  table.sort(lost, function(a, b) return a.till < b.till end)
  local copy = copied(record)
  for _, holder in ipairs(lost) do
    lose(copy, holder, holder.till)
  end
  return copy, lost
end

-- What a holder is in {ns}:slots:K.
local function packed(holder)
  return table.concat(
    { text(holder.till), text(holder.fence), text(holder.start), holder.revoked and '1' or '0', holder.who }, ' ')
end

-- The fields of the record that say who holds it.
local function put_holders(record)
  local one = record.slots == 1 and record.holders[1] or {}
  record.h_token, record.h_until, record.h_fence, record.h_start = one.token, one.till, one.fence, one.start
  record.h_revoked, record.h_who = one.revoked, one.who
  record.h_slots = record.slots > 1 and #record.holders > 0 and record.slots or nil
end

-- {ns}:slots:K as it is with those holders.
local function packed_holders(record)
  local all = {}
  if record.slots > 1 then
    for _, holder in ipairs(record.holders) do
      all[holder.token] = packed(holder)
    end
  end
  return all
end

-- Notes down in two lists what must be removed from a hash, and what set.
local function compare(field, old, new, gone, set)
  if new == old then
    return
  end
  if new == nil then
    gone[#gone + 1] = field
  else
    set[#set + 1] = field
    set[#set + 1] = type(new) == 'number' and text(new) or new
  end
end

-- Removal first: it is allowed where a server that is out of memory refuses to add, and what follows it in the same script
-- is then allowed too. So a lease can always be given back.
local function change(key, gone, set)
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
  end
end

local function save_slots(old, new)
  local gone, set = {}, {}
  local before, after = packed_holders(old), packed_holders(new)
  for token in pairs(before) do
    compare(token, before[token], after[token], gone, {})
  end
  for token in pairs(after) do
    compare(token, before[token], after[token], {}, set)
  end
  change(SLOTS, gone, set)
end

local function save(old, new)
  new.v = VERSION
  put_holders(new)
  if old.slots > 1 or new.slots > 1 then
    save_slots(old, new)
  end
  local gone, set = {}, {}
  for _, field in ipairs(FIELDS) do
    compare(field, old[field], new[field], gone, set)
  end
  change(JOB, gone, set)
end

-- One waiter is woken, if there are any: see the waiting in acquire. The record is the one that was read.
local function wake(record)
  if record.asleep then
    redis.call('LPUSH', WAKE, '1')
    redis.call('PEXPIREAT', WAKE, text(record.waiters_until))
  end
end

-- {ns}:runs:K is a list, newest first: "fence start end outcome code who". The code is "-" where there is none; a fence
-- of 0 marks a touch.
local function remember(keep, fence, start, at, outcome, code, who)
  if keep == 0 then
    redis.call('DEL', RUNS)
    return
  end
  local row = table.concat({ text(fence), text(start), text(at), outcome, code and text(code) or '-', who }, ' ')
  redis.call('LPUSH', RUNS, row)
  redis.call('LTRIM', RUNS, 0, keep - 1)
end

-- {ns}:retired:K is a sorted set of "token answer" by time: a token that is done, and what it was told. So a request that
-- arrives late or twice is answered as the first one was, and never granted.
local ANSWERS = { 'recorded', 'superseded', 'abandoned' }

-- The answer that this token got, or nil; then the answer to give if the key can't be read.
local function retired(token)
  local scores = redis.pcall('ZMSCORE', RETIRED, token .. ' recorded', token .. ' superseded', token .. ' abandoned')
  if scores.err then
    return nil, unreadable(RETIRED, scores)
  end
  for i, answer in ipairs(ANSWERS) do
    if scores[i] then
      return answer
    end
  end
end

local function retire(token, answer)
  redis.call('ZADD', RETIRED, text(now), token .. ' ' .. answer)
  redis.call('ZREMRANGEBYSCORE', RETIRED, '-inf', '(' .. text(now - RETIRED_FOR))
  redis.call('PEXPIRE', RETIRED, text(RETIRED_FOR))
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
    bad = mistyped(WAKE, 'list')
    if bad then
      return nil, bad
    end
    record.asleep = redis.call('LLEN', WAKE) == 0
  end
  return record, bad or answer
end
