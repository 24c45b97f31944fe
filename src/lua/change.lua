-- The third part of every script, after load.lua: functions that change records and write keys.
-- set_field, add, record_outcome, mark_lost and settled change only the Lua table. write queues a command; save, wake,
-- push_history, index and retire do so too. commit, the last step of a verb, runs them.

local function set_field(record, field, value)
  if record[field] ~= value then
    record[field] = value
    record.changed[field] = true
  end
end

-- Times and fences of a record only grow, except in mend. `a` may be nil.
local function later(a, b)
  return math.max(a or 0, b)
end

-- Increments the field, up to the greatest number that can be stored.
local function add(record, field)
  set_field(record, field, math.min((record[field] or 0) + 1, GREATEST - 1))
end

-- Counts one ended run. `at`: the end to record, ms since 1970. `took`: the real duration, ms, which may differ from
-- at - start. `code` may be nil. `revoked`: see revoked_by; may be nil. A run that ended before the last recorded one
-- changes only totals and maxima.
local function record_outcome(record, outcome, code, start, at, took, revoked)
  add(record, 'runs')
  local last = at >= (record.ended or 0)
  if outcome == 'success' then
    set_field(record, 'ok_start', later(record.ok_start, math.min(start, now))) -- after a clock that went back
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
    set_field(record, 'revoked_by', revoked)
    if outcome == 'success' then
      set_field(record, 'failures_in_a_row', 0)
    else
      add(record, 'failures_in_a_row')
    end
    set_field(record, 'skips', 0)
  end
end

-- Records the holder's run as lost at the time `at` and removes its lease. `revoked`: the operator who revoked it, if any.
local function mark_lost(record, holder, at, revoked)
  record_outcome(record, 'lost', nil, holder.start, at, at - holder.start, revoked or holder.revoked)
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

-- ---- writes

local writes = {}

local function write(...)
  writes[#writes + 1] = { ... }
end

-- Arguments that make a command change nothing. The name of a key of the right type precedes them.
local ABSENT = 'condolock: absent' -- a name that no field or member has
local NO_CHANGE = {
  HDEL = { ABSENT }, LREM = { 1, ABSENT }, LTRIM = { 0, -1 }, ZADD = { 'XX', 0, ABSENT }, ZREM = { ABSENT },
  ZREMRANGEBYSCORE = { 1, 0 },
}

-- Calls the command of a queued write so that nothing changes. Returns nil, or the error reply and the command that failed.
local function try(queued)
  local command, key = queued[1], queued[2]
  local called = command
  local reply
  if NO_CHANGE[command] then
    reply = redis.pcall(command, key, unpack(NO_CHANGE[command]))
  elseif command == 'HSET' and queued.versioned then
    reply = redis.pcall(command, key, 'v', text(VERSION))
  elseif command == 'DEL' then
    reply = redis.pcall(command, SPARE)
  elseif command == 'PEXPIRE' or command == 'PEXPIREAT' then
    reply = redis.pcall(command, SPARE, queued[3])
  else
    called = 'DEL'
    reply = redis.pcall(called, SPARE)
    if type(reply) ~= 'table' then
      called = command
      reply = redis.pcall(command, SPARE, unpack(command == 'HSET' and { '1', '1' } or { '1' }))
      redis.call('DEL', SPARE)
    end
  end
  if type(reply) == 'table' and reply.err then
    return reply, called
  end
end

-- Whether renew, finish and abandon may call what they need and acquire does not. Returns nil, or the error reply to give.
-- starts, several: the run records its start; there are several slots.
-- ZADD comes first: a server that refuses writes refuses only the first one of a script, and a full one none after a DEL.
local function unable_to_finish(starts, several)
  local needed = {
    { 'ZADD' }, { 'DEL' }, { 'HDEL' }, { 'LPUSH' }, { 'LTRIM' }, { 'PEXPIRE', '1' }, { 'PEXPIREAT', '1' },
    { 'ZREMRANGEBYSCORE' }, starts and { 'LREM' },
  }
  for _, queued in ipairs(needed) do
    local refused, called = try({ queued[1], SPARE, queued[2] })
    if refused then
      return unreadable(SPARE, refused, called)
    end
  end
  local read = { { 'LLEN', SPARE }, starts and { 'LRANGE', SPARE, 0, 0 } or nil }
  if several then
    read = { { 'HLEN', SPARE }, { 'HGETALL', SPARE }, unpack(read) }
  end
  for _, words in ipairs(read) do
    local reply = redis.pcall(unpack(words))
    if type(reply) == 'table' and reply.err then
      return unreadable(SPARE, reply, words[1])
    end
  end
end

-- Runs the queued writes: all of them or none. Redis does not undo what a script wrote before one of its commands was
-- refused (by an ACL, for lack of memory, for a wrong type). So each command is tried first, with arguments that change
-- nothing. A push cannot be tried like that, so the first push is run first: if it is refused, nothing has been changed.
-- lets_go: these writes release something. A server whose memory is full refuses to grow, unless the script has deleted a
-- key before, even an absent one.
-- Returns nil, or the reply to give.
local function commit(lets_go)
  if lets_go then
    redis.call('DEL', SPARE)
  end
  local first = #writes == 1 and 1
  if #writes > 1 then
    local tried = {}
    for i, queued in ipairs(writes) do
      local command, key = queued[1], queued[2]
      if not tried[command .. key] then
        if not first and command == 'LPUSH' and not tried[key] then
          first = i
        else
          local refused, called = try(queued)
          if refused then
            return unreadable(key, refused, called)
          end
        end
        tried[command .. key], tried[key] = true, true
      end
    end
  end
  if first then
    local reply = redis.pcall(unpack(writes[first]))
    if type(reply) == 'table' and reply.err then
      return unreadable(writes[first][2], reply, writes[first][1])
    end
  end
  for i, queued in ipairs(writes) do
    if i ~= first then
      redis.call(unpack(queued))
    end
  end
end

-- The value of a holder's field in {ns}:slots:K.
local function packed(holder)
  return table.concat({
    text(holder.expires_at), text(holder.length), text(holder.fence), text(holder.start), holder.revoked or '0',
    holder.who,
  }, ' ')
end

local function change(key, gone, set, versioned)
  if #gone > 0 then
    write('HDEL', key, unpack(gone))
  end
  if #set > 0 then
    write('HSET', key, unpack(set))
    writes[#writes].versioned = versioned
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
  change(record.slots_key, gone, set)
end

-- Makes all keys of the job expire when they have been unused for forget_after. A lease or a pause prolongs that: the keys
-- must not expire before it ends. So does a lease that unlock --now removed: its run may still be alive, and renew would
-- grant the lease again.
local function expire_unused(record)
  if not record.forget_after and not record.changed.forget_after then
    return
  end
  local used = paused(record) and record.paused_until or now
  for _, holder in ipairs(record.holders) do
    used = math.max(used, holder.expires_at)
  end
  used = math.max(used, record.freed_until or 0)
  for _, key in ipairs({ JOB, RUNS, SLOTS, STARTS, ONCE }) do
    write('PEXPIREAT', key, text(math.min(used + (record.forget_after or GREATEST), GREATEST)))
  end
end

-- Writes the changed fields and holders. The verb has queued its other writes to the keys of the job before.
local function save(record)
  local versioned = record.v
  set_field(record, 'v', VERSION)
  local one = record.slots == 1 and record.holders[1] or {}
  set_field(record, 'h_token', one.token)
  set_field(record, 'h_until', one.expires_at)
  set_field(record, 'h_length', one.length)
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
  change(record.key, gone, set, versioned)
  if record.key == JOB then
    expire_unused(record)
  end
end

-- Stores the mended times of the job that a condition names (see mend).
local function save_mended(record)
  if next(record.changed) or record.holders ~= record.loaded then
    save(record)
  end
end

-- Wakes one waiter, if any: pushes to the list on which waiters block. `record` must come from open, which sets `asleep`.
-- The wake-up expires with waiters_until.
local function wake(record)
  if record.asleep then
    record.asleep = false
    write('LPUSH', WAKE, '1')
    write('PEXPIREAT', WAKE, text(record.waiters_until))
  end
end

-- How many rows the history of a job keeps. `wanted`: the number that a caller gives, which is stored; nil: as before.
local function history_limit(record, wanted)
  if wanted then
    set_field(record, 'history_limit', wanted)
  end
  return record.history_limit or HISTORY
end

-- {ns}:runs:K is a list, newest first, of rows "fence start end outcome code who". A row without a code has "-".
-- A touch has fence 0. `limit`: how many rows to keep.
local function push_history(limit, fence, start, at, outcome, code, who)
  if limit > 0 then
    local row = { text(fence), text(math.min(start, now)), text(at), outcome, code and text(code) or '-', who }
    write('LPUSH', RUNS, table.concat(row, ' '))
    write('LTRIM', RUNS, 0, limit - 1)
  else
    write('LTRIM', RUNS, 1, 0) -- empties it; unlike DEL, it refuses a key of another type
  end
end

-- {ns}:index is a sorted set: key -> time of its last activity, ms since 1970.
local function index(name)
  write('ZADD', INDEX, text(now), name)
end

-- For at least RETIRED_FOR, the token is never granted, and a repeated request gets `answer` again.
local function retire(token, answer)
  write('ZADD', RETIRED, text(now), token .. ' ' .. answer)
  write('ZREMRANGEBYSCORE', RETIRED, '-inf', '(' .. text(now - RETIRED_FOR))
  write('PEXPIRE', RETIRED, text(RETIRED_FOR))
end

-- ---- starts

-- Parses an element of {ns}:starts:K. Returns its time, and its fence as a text; nil if the element is invalid.
local function start_of(row)
  local at, fence = string.match(#row <= LONGEST_ROW and row or '', '^(%d+) (%d+)$')
  at = number(at or '')
  return at, fence
end

-- Writes {ns}:starts:K anew. `new` returns the time and the fence to store for a row.
local function rewrite_starts(rows, new)
  local out = {}
  for i, row in ipairs(rows) do
    local at, fence = start_of(row)
    out[i] = row
    if at then
      at, fence = new(at, fence)
      out[i] = text(at) .. ' ' .. fence
    end
  end
  write('DEL', STARTS)
  for i = #out, 1, -1 do
    write('LPUSH', STARTS, out[i])
  end
  return out
end
