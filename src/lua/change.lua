-- The second part of every script, after record.lua: functions that change records and write keys.
-- set_field, add, record_outcome, mark_lost and settled change only the Lua table; save writes it.

local function set_field(record, field, value)
  if record[field] ~= value then
    record[field] = value
    record.changed[field] = true
  end
end

-- The times and fences of a record never decrease, even if the engine's clock goes back. `a` may be nil.
local function later(a, b)
  return math.max(a or 0, b)
end

local function add(record, field)
  set_field(record, field, (record[field] or 0) + 1)
end

-- Counts one ended run. `at`: the end to record, ms since 1970. `took`: the real duration, ms, which may differ from
-- at - start. `code` may be nil. A run that ended before the last recorded one changes only totals and maxima.
local function record_outcome(record, outcome, code, start, at, took)
  add(record, 'runs')
  local last = at >= (record.ended or 0)
  if outcome == 'success' then
    set_field(record, 'ok_start', later(record.ok_start, start))
    set_field(record, 'ok_end', later(record.ok_end, at))
  else
    add(record, 'failures')
    set_field(record, 'failed_at', later(record.failed_at, at))
  end
  if last then
    set_field(record, 'ended', at)
    set_field(record, 'outcome', outcome)
    set_field(record, 'code', code)
    set_field(record, 'took', math.max(0, took))
    set_field(record, 'failures_in_a_row', outcome == 'success' and 0 or (record.failures_in_a_row or 0) + 1)
    set_field(record, 'skips', 0)
  end
end

-- Records the holder's run as lost at the time `at` and removes its lease.
local function mark_lost(record, holder, at)
  record_outcome(record, 'lost', nil, holder.start, at, at - holder.start)
  set_field(record, 'cut', later(record.cut, holder.fence))
  record.holders = replaced(record, holder)
end

-- The record as conditions see it: each expired holder counts as a lost run that ended with its lease. Returns that record
-- and the list of the expired holders. Only a new grant saves the result: until then the holder may still renew or finish.
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
  table.sort(lost, function(a, b) return a.expires_at < b.expires_at end)
  local copy = copy_with(record, 'changed', copied(record.changed))
  for _, holder in ipairs(lost) do
    mark_lost(copy, holder, holder.expires_at)
  end
  return copy, lost
end

-- The value of a holder's field in {ns}:slots:K: "until fence start revoked who".
local function packed(holder)
  return table.concat(
    { text(holder.expires_at), text(holder.fence), text(holder.start), holder.revoked and '1' or '0', holder.who }, ' ')
end

-- Removes the fields `gone` and sets the pairs `set`. Removal comes first: a server that is out of memory allows it, and
-- then allows the later writes of the same script. So abandon can release a lease even then.
local function change(key, gone, set)
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
  end
end

-- Writes to {ns}:slots:K only the holders that differ from `before`: there may be a thousand. A holder's table is never
-- modified, only replaced, so an unchanged holder is the same table.
local function save_slots(before, record)
  local was, is = {}, {}
  for _, holder in ipairs(before) do
    was[holder] = true
  end
  local gone, set = {}, {}
  for _, holder in ipairs(record.slots > 1 and record.holders or {}) do
    is[holder.token] = true
    if not was[holder] then
      set[#set + 1] = holder.token
      set[#set + 1] = packed(holder)
    end
  end
  for _, holder in ipairs(before) do
    if not is[holder.token] then
      gone[#gone + 1] = holder.token
    end
  end
  change(SLOTS, gone, set)
end

-- Writes the changed fields and holders. The script must have checked the types of all keys before.
local function save(record)
  set_field(record, 'v', VERSION)
  local one = record.slots == 1 and record.holders[1] or {}
  set_field(record, 'h_token', one.token)
  set_field(record, 'h_until', one.expires_at)
  set_field(record, 'h_fence', one.fence)
  set_field(record, 'h_start', one.start)
  set_field(record, 'h_revoked', one.revoked)
  set_field(record, 'h_who', one.who)
  local had = record.h_slots
  set_field(record, 'h_slots', record.slots > 1 and #record.holders > 0 and record.slots or nil)
  if had and record.holders ~= record.loaded or record.h_slots and not had then
    save_slots(had and record.loaded or {}, record)
  end
  local gone, set = {}, {}
  for field in pairs(record.changed) do
    local value = record[field]
    if value == nil then
      gone[#gone + 1] = field
    else
      set[#set + 1] = field
      set[#set + 1] = type(value) == 'number' and text(value) or value
    end
  end
  change(JOB, gone, set)
end

-- Wakes one waiter, if any: pushes to the list on which waiters block. `record` must come from open, which sets `asleep`.
-- The wake-up expires with waiters_until.
local function wake(record)
  if record.asleep then
    redis.call('LPUSH', WAKE, '1')
    redis.call('PEXPIREAT', WAKE, text(record.waiters_until))
  end
end

-- {ns}:runs:K is a list, newest first, of rows "fence start end outcome code who". A row without a code has "-".
-- A touch has fence 0. Only history_limit rows are kept; nil: the present length, 20 or more; 0: none.
local function push_history(history_limit, fence, start, at, outcome, code, who)
  history_limit = history_limit or math.max(20, redis.call('LLEN', RUNS))
  if history_limit == 0 then
    redis.call('DEL', RUNS)
    return
  end
  local row = table.concat({ text(fence), text(start), text(at), outcome, code and text(code) or '-', who }, ' ')
  redis.call('LPUSH', RUNS, row)
  redis.call('LTRIM', RUNS, 0, history_limit - 1)
end

-- {ns}:index is a sorted set: key -> time of its last activity, ms since 1970. With `only_new`, an existing key keeps its
-- time. Returns nil, or the reply to give if the write fails. A script that calls this does so before its other writes,
-- because it can still stop then.
local function index(name, only_new)
  local reply = redis.pcall('ZADD', INDEX, only_new and 'NX' or 'GT', text(now), name)
  if type(reply) == 'table' then
    return unreadable(INDEX, reply)
  end
end

-- For at least RETIRED_FOR, the token is never granted, and a repeated request gets `answer` again.
local function retire(token, answer)
  redis.call('ZADD', RETIRED, text(now), token .. ' ' .. answer)
  redis.call('ZREMRANGEBYSCORE', RETIRED, '-inf', '(' .. text(now - RETIRED_FOR))
  redis.call('PEXPIRE', RETIRED, text(RETIRED_FOR))
end
