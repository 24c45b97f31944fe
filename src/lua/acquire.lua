-- acquire: may this job run here, now? Decides and takes a lease in one step; with `dry`, tells and writes nothing.
--
-- KEYS  behind those of the job: for each condition that names a job, that one's record and its slots
-- ARGV  1 key  2 token  3 lease, ms  4 who ("pid host")  5 rows to keep in runs ("": as many as there are)
--       6 slots (dry: not used)  7 dry: "1" or ""  8 run though it is paused: "1" or ""  9 count a refusal: "1" or ""
--       10 how long it will be waited, at most, to be woken by another's end, ms ("" not at all, or not any more)
--       11 how many starts to remember at least ("" this one isn't to be)
--       12... four for each condition: name, position of its job in KEYS (0: this job), a number, a word
-- reply "granted" fence start ok_start            ok_start "" before the first success
--       "held" who for left live slots            no slot is free: the holder whose lease ends first, since when, how long
--                                                 that lease lasts; how many hold one, of how many
--       "paused" left why                         left "" until somebody resumes it
--       "skipped" position verdict since due      the first condition that does not hold (positions from 1)
--       "retired" answer                          this token is done: never a grant
--       "verdicts" who for left live slots paused left why, then verdict since due for every condition
--                                                 (dry; who, for and left "" where a slot is free, paused "1" or "")
--       "malformed" key why / "newer" key version
-- A verdict is "holds" or why not; since and due are milliseconds, "" where there is nothing to say.
local name, token, lease, who, history_limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local slots, dry, through_pause, counted = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8] == '1', ARGV[9] == '1'
local patience, starts = tonumber(ARGV[10]), tonumber(ARGV[11])

-- One branch for each condition: the settled record of the job that it looks at, a number, a word, this job's own record
-- -> verdict, since, due; or nil and the answer to give.
local CONDITIONS = ARGV[12] and {
  ['min-time'] = function(record, min, from)
    local at = from == 'start' and record.ok_start or record.ok_end
    if not at then
      return 'holds'
    end
    local since = now - at
    if since >= min then
      return 'holds', since
    end
    return 'recent', since, min - since
  end,

  ['accessed-prior'] = function(record, max)
    if not record.ended then
      return 'never'
    end
    local since = now - record.ended
    if record.outcome ~= 'success' then
      return 'failed', since
    end
    if since > max then
      return 'stale', since
    end
    return 'holds', since
  end,

  ['after'] = function(record, _, _, own)
    if not record.ok_end then
      return 'never'
    end
    -- Within one millisecond nobody knows which came first: one run too many is better than one too few.
    local since = now - record.ok_end
    if own.ok_start and record.ok_end < own.ok_start then
      return 'old', since
    end
    return 'holds', since
  end,

  ['not-running'] = function(record)
    local live = living(record)
    if #live == 0 then
      return 'holds'
    end
    return 'running', now - live[1].start
  end,

  ['retry-after'] = function(record, min)
    if not record.ended or record.outcome == 'success' then
      return 'holds'
    end
    local since = now - record.ended
    if since >= min then
      return 'holds', since
    end
    return 'failed', since, min - since
  end,

  ['max-failures'] = function(record, limit)
    local since = record.failed_at and now - record.failed_at
    if (record.failures_in_a_row or 0) < limit then
      return 'holds', since
    end
    return 'failed', since
  end,

  ['max-runs'] = function(_, limit, length)
    local nth = redis.pcall('LINDEX', STARTS, limit - 1)
    if not nth then
      return 'holds'
    end
    if type(nth) == 'table' then
      return nil, unreadable(STARTS, nth)
    end
    local at = number(string.match(nth, '^%d+') or '')
    if not at then
      return nil, malformed(STARTS, 'has an element that is no time')
    end
    local since, min = now - at, tonumber(length)
    if since >= min then
      return 'holds', since
    end
    return 'many', since, min - since
  end,

  ['once'] = function(_, _, id)
    local at = redis.pcall('ZSCORE', ONCE, id)
    if not at then
      return 'holds'
    end
    if type(at) == 'table' then
      return nil, unreadable(ONCE, at)
    end
    return 'done', now - tonumber(at)
  end,
}

local function ms(n)
  return n and text(n) or ''
end

local record, answer = open(token, starts and STARTS, 'list')
if not record then
  return answer
end
local others = {}
for i = 9, #KEYS, 2 do
  local other, bad = load(KEYS[i], KEYS[i + 1])
  if bad then
    wake(record) -- this caller may have been woken, and can't use it
    return bad
  end
  others[i] = settled(other)
end

if answer then
  wake(record)
  return { 'retired', answer }
end

local seen, lost = settled(record)
local verdicts = {}
local refused
for i = 12, #ARGV, 4 do
  local check = CONDITIONS[ARGV[i]]
  if not check then
    return redis.error_reply('ERR condolock: no condition ' .. ARGV[i])
  end
  local verdict, since, due = check(others[tonumber(ARGV[i + 1])] or seen, tonumber(ARGV[i + 2]), ARGV[i + 3], seen)
  if not verdict then
    wake(record)
    return since
  end
  verdicts[#verdicts + 1] = { verdict, ms(since), ms(due) }
  if verdict ~= 'holds' and not refused then
    refused = #verdicts
  end
end

-- Callers that disagree about the number of slots keep each other out.
local live = living(record)
local taken = #live > 0 and (#live >= record.slots or not dry and slots ~= record.slots)
local function holder()
  local first = live[1]
  return first.who, text(now - first.start), text(first.expires_at - now), text(#live), text(record.slots)
end
local halted = not through_pause and paused(record)
local pause_left = halted and record.paused_until < GREATEST and text(record.paused_until - now) or ''
if dry then
  local reply = { 'verdicts' }
  local function add_all(...)
    for _, part in ipairs({ ... }) do
      reply[#reply + 1] = part
    end
  end
  if taken then
    add_all(holder())
  else
    add_all('', '', '', text(#live), text(#live > 0 and record.slots or 1))
  end
  add_all(halted and '1' or '', pause_left, halted and record.paused_why or '')
  for _, verdict in ipairs(verdicts) do
    add_all(unpack(verdict))
  end
  return reply
end

local fence = math.max((record.fence or 0) + 1, now)
if fence >= GREATEST then
  return malformed(JOB, 'field fence has no successor')
end
local mine = find(record, token)
if mine and not mine.revoked then
  local again = copy_with(mine, 'expires_at', later(mine.expires_at, now + lease))
  if not is_live(mine) then
    -- Others may have run since, and the engine has lost them: only a new fence is greater than theirs.
    again.fence = fence
    set_field(record, 'fence', fence)
    if starts then
      -- Its start keeps its place.
      local rows = redis.call('LRANGE', STARTS, 0, -1)
      redis.call('DEL', STARTS)
      for i = #rows, 1, -1 do
        local is_mine = rows[i] == text(mine.start) .. ' ' .. text(mine.fence)
        redis.call('LPUSH', STARTS, is_mine and text(mine.start) .. ' ' .. text(fence) or rows[i])
      end
    end
  end
  record.holders = replaced(record, mine, again)
  save(record)
  return { 'granted', text(again.fence), text(mine.start), ms(record.ok_start) }
end

-- One token, one lease: who holds one that was revoked waits for its end.
taken = taken or mine and is_live(mine)

-- A refusal is always a write: a replica that lags behind must refuse it, not answer it.
if taken or halted or refused then
  local bad = index(name, true)
  if bad then
    return bad
  end
  if counted then
    add(record, 'skips')
  end
  -- Who waits for a lease or the end of a pause sleeps until it is woken, or until that is over by itself. Then the next who
  -- frees a lease must know of it.
  if patience and (taken or halted) then
    local left = taken and live[1].expires_at - now or tonumber(pause_left) or patience
    set_field(record, 'waiters_until', later(record.waiters_until, now + math.max(10, math.min(left, patience)) + 5000))
  end
  save(record)
  if taken then
    if #live < record.slots then
      wake(record) -- a slot is free, for whoever names the same number
    end
    return { 'held', holder() }
  end
  if halted then
    if not patience and not counted then
      wake(record) -- one that has waited, may have been woken, and leaves before the end: another has to be there then
    end
    return { 'paused', pause_left, record.paused_why or '' }
  end
  wake(record) -- this one may have been woken in vain
  local verdict = verdicts[refused]
  return { 'skipped', text(refused), verdict[1], verdict[2], verdict[3] }
end

-- The lease is written last, so that a script that is refused half-way has granted nothing.
-- finish will need the first; the third is still unread when the first of several holders comes.
local bad = mistyped(RUNS, 'list') or slots > 1 and not record.h_slots and mistyped(SLOTS, 'hash') or index(name)
if bad then
  return bad
end
if slots > 1 and not record.h_slots then
  redis.call('DEL', SLOTS) -- what was left when a record was deleted by hand is nobody's lease
end
set_field(seen, 'fence', fence)
seen.slots = slots
seen.holders = replaced(seen, nil, { token = token, expires_at = now + lease, fence = fence, start = now, who = who })
for _, gone in ipairs(lost) do
  push_history(history_limit, gone.fence, gone.start, gone.expires_at, 'lost', nil, gone.who)
end
if starts then
  -- Callers that disagree about how many: the larger number. And one for each slot: those who give theirs back.
  local before = redis.call('LLEN', STARTS)
  redis.call('LPUSH', STARTS, text(now) .. ' ' .. text(fence))
  redis.call('LTRIM', STARTS, 0, math.max(starts + slots, before) - 1)
end
save(seen)
if #seen.holders < slots then
  wake(record)
end
return { 'granted', text(fence), text(now), ms(seen.ok_start) }
