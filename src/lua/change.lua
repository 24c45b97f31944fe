-- The opening of every script, its second part: what is written.

local function set_field(record, field, value)
  if record[field] ~= value then
    record[field] = value
    record.changed[field] = true
  end
end

-- A time of the record only moves forward, whatever the engine's clock does.
local function later(a, b)
  return math.max(a or 0, b)
end

local function add(record, field)
  set_field(record, field, (record[field] or 0) + 1)
end

-- Writes one ended run into the record. `at` is its end on record, `took` how long it really was.
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

-- A holder's run is written down as lost, and its lease removed.
local function mark_lost(record, holder, at)
  record_outcome(record, 'lost', nil, holder.start, at, at - holder.start)
  set_field(record, 'cut', later(record.cut, holder.fence))
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
  table.sort(lost, function(a, b) return a.expires_at < b.expires_at end)
  local copy = copy_with(record, 'changed', copied(record.changed))
  for _, holder in ipairs(lost) do
    mark_lost(copy, holder, holder.expires_at)
  end
  return copy, lost
end

-- What a holder is in {ns}:slots:K.
local function packed(holder)
  return table.concat(
    { text(holder.expires_at), text(holder.fence), text(holder.start), holder.revoked and '1' or '0', holder.who }, ' ')
end

-- What has to be removed from a hash, and what set. Removal first: it is allowed where a server that is out of memory
-- refuses to add, and what follows it in the same script is then allowed too. So a lease can always be given back.
local function change(key, gone, set)
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
  end
end

-- {ns}:slots:K: only the holders that are not the same any more, since there may be a thousand. A holder is never changed,
-- so the same one is the same table.
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

-- Writes what was changed.
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

-- One waiter is woken, if there are any: see the waiting in acquire. The record is the one that was read.
local function wake(record)
  if record.asleep then
    redis.call('LPUSH', WAKE, '1')
    redis.call('PEXPIREAT', WAKE, text(record.waiters_until))
  end
end

-- {ns}:runs:K is a list, newest first: "fence start end outcome code who". The code is "-" where there is none; a fence
-- of 0 marks a touch.
-- `keep` rows are left; nil: as many as there were, and 20 at least.
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

-- {ns}:index is a sorted set of keys by their last activity. Every verb's first write; nil, or the answer to give when the
-- key holds another type of value. With `only_new`, a key that is there keeps its place.
local function index(name, only_new)
  local reply = redis.pcall('ZADD', INDEX, only_new and 'NX' or 'GT', text(now), name)
  if type(reply) == 'table' then
    return unreadable(INDEX, reply)
  end
end

local function retire(token, answer)
  redis.call('ZADD', RETIRED, text(now), token .. ' ' .. answer)
  redis.call('ZREMRANGEBYSCORE', RETIRED, '-inf', '(' .. text(now - RETIRED_FOR))
  redis.call('PEXPIRE', RETIRED, text(RETIRED_FOR))
end
