-- acquire: checks the conditions and grants a lease, in one step.
-- With `dry` it reports the verdict of every condition and changes no record.
--
-- KEYS   the 10 keys of the job (see record.lua), then two for each condition on another job: its job key, its slots key
-- ARGV   1 key
--        2 token              random and secret, one for each attempt; "" with dry
--        3 lease              ms
--        4 who                "pid host"
--        5 rows to keep       in the runs list; "": as before
--        6 slots              how many leases the job may have at once, 1 or more
--        7 dry                "1" or ""
--        8 ignore a pause     "1" or ""
--        9 count a refusal    as a skip, "1" or ""
--        10 patience          how long the caller will wait on the wake key (BLPOP) if it is refused, ms; "": not at all
--        11 starts            how many start times to keep; "": this start is not recorded
--        12 forget after      ms; 0: never; "": as before. See expire_unused
--        13...                four for each condition: name, index of its job key in KEYS (0: this job), number, word
--
--        condition       number        word              verdict when it does not hold
--        min-time        ms            "start" or "end"  "recent": the last success is newer than that
--        accessed-prior  ms            ""                "never" run; last run "failed"; "stale": the success is older
--        after           0             ""                "never" succeeded; "old": not since this job's last success began
--        not-running     0             ""                "running"
--        retry-after     ms            ""                "failed": the last run failed, less than that ago
--        max-failures    count         ""                "failed": so many failures in a row
--        max-runs        count         length, ms        "many": so many starts within that length
--        once            0             ID                "done": a run with this ID succeeded
--        predicate       1 or 0        name              "fails": the caller says 0. It judged the predicate itself
--
--        A waiter that gives up during a pause asks once more with 9 and 10 "": that passes on a wake-up it may have taken.
--
-- reply  In this order: a refusal is "held" if it can be, else "paused", else "skipped".
--        "granted" fence start ok_start    start, ok_start: ms since 1970. ok_start is the start of the last success, or "".
--        "held" who for left live slots    No slot is free, the holders have another number of slots, or the token's own
--                                          lease was revoked. who, for, left: the holder whose lease ends first, the time
--                                          since its start, the time to its end, in ms. live: number of leases. slots: of
--                                          how many.
--        "paused" left why by since all    left: ms, "" for a pause that only resume ends. by: the operator. since: ms since
--                                          the pause began. all: "1" if all jobs are paused, else "".
--        "skipped" index verdict since due who
--                                          The first condition that does not hold; index counts from 1. who: a run
--                                          of the job that it names, which has to end before it can hold; "" if none.
--        "retired" answer                  The token is retired and never gets a lease; answer is what it was told.
--        "verdicts" who for left live slots paused left why by since all ahead, then for every condition: verdict since due
--                                          Only with dry. While a slot is free, who, for and left are "". While no lease is
--                                          live, slots is 1. paused: "1" or "". ahead: how far the furthest time that was
--                                          read lies in the future, ms; "": none does.
--        "malformed" key why / "newer" key version (see record.lua)
--        A verdict is "holds" or one from the table. since: ms since the event that was judged. due: ms until the condition
--        can hold. Both are "" when unknown.
-- repeat A token that is still a holder is granted again, whatever the conditions say, unless its lease was revoked. The
--        start is the same, and the lease lasts at least `lease` ms from now. The fence is the same too, unless the lease
--        had ended. A refusal counts a skip if ARGV 9 is "1", and once for
--        each token.
local name, token, lease, who, rows_wanted = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local slots, dry, through_pause, counted = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8] == '1', ARGV[9] == '1'
local patience, starts, forget_after = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])

local starts_are_ahead = false

-- Parameters: the settled record of the condition's job, the number, the word, the settled record of this job.
-- Results: verdict, since, due; or nil and the reply to give.
local CONDITIONS = ARGV[13] and {
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
    -- The order within one millisecond is unknown, so equal times hold: an extra run is preferred to a missing one.
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
    return 'running', now - math.min(live[1].start, now)
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

  ['max-runs'] = function(_, limit, length, seen)
    local nth = redis.pcall('LINDEX', STARTS, limit - 1)
    if not nth then
      return 'holds'
    end
    if type(nth) == 'table' then
      return nil, unreadable(STARTS, nth, 'LINDEX')
    end
    local at = start_of(nth)
    if not at then
      return nil, malformed(STARTS, 'has an invalid start')
    end
    starts_are_ahead = starts_are_ahead or at > now
    if dry and at > now then
      seen.ahead = math.max(seen.ahead or 0, at - now)
    end
    local since, min = now - math.min(at, now), tonumber(length)
    if since >= min then
      return 'holds', since
    end
    return 'many', since, min - since
  end,

  ['predicate'] = function(_, holds)
    return holds == 1 and 'holds' or 'fails'
  end,

  ['once'] = function(_, _, id)
    local at = redis.pcall('ZSCORE', ONCE, id)
    if not at then
      return 'holds'
    end
    if type(at) == 'table' then
      return nil, unreadable(ONCE, at, 'ZSCORE')
    end
    at = number(at)
    if not at then
      return nil, malformed(ONCE, 'has an invalid time')
    end
    return 'done', now - math.min(at, now)
  end,
}

local function ms(n)
  return n and text(n) or ''
end

-- Stores as now the starts of this job that lie in the future (see mend). Abandon finds them by their fences.
-- Looking at all of them costs time. So it is done only if the start that --max-runs judged is ahead, or if the fence is.
-- The fence follows the clock, so a fence that is ahead shows that the clock went back, and any start may be ahead.
local function mend_starts(record)
  if not starts_are_ahead and (record.fence or 0) <= now then
    return
  end
  local ahead = 0
  local rows = redis.call('LRANGE', STARTS, 0, MOST_STARTS)
  if #rows > MOST_STARTS then
    return malformed(STARTS, 'has more than ' .. text(MOST_STARTS) .. ' elements')
  end
  local function mended(at, fence)
    ahead = math.max(ahead, at - now)
    return math.min(at, now), fence
  end
  for _, row in ipairs(rows) do
    mended(start_of(row) or 0)
  end
  if ahead > 0 then
    record.ahead = math.max(record.ahead or 0, ahead)
    rewrite_starts(rows, mended)
  end
end

local function store_forget_after(record)
  if forget_after then
    set_field(record, 'forget_after', forget_after > 0 and forget_after or nil)
  end
end

-- Removes the names of expired records from the index. It looks at ten names at a changing place: that is more than a run
-- adds.
local function drop_expired_names()
  local many = redis.call('ZCOUNT', INDEX, '-inf', '+inf')
  local from = many > 0 and now % many or 0
  local found = redis.call('ZRANGE', INDEX, from, from + 9, 'WITHSCORES')
  for i = 1, #found, 2 do
    local other = found[i]
    if other ~= name and redis.call('EXISTS', string.sub(JOB, 1, #JOB - #name) .. other) == 0 then
      write('ZREM', INDEX, other)
    end
  end
end

local record, answer = open(token, starts and STARTS, 'list')
if not record then
  return answer
end

-- Replies with `bad`. Passes on a wake-up that this caller may have consumed.
local function refuse(bad)
  if dry then
    return bad
  end
  wake(record)
  return commit(true) or bad
end

local raw, others, ahead = {}, {}, 0
for i = 11, #KEYS, 2 do
  local other, bad = load(KEYS[i], KEYS[i + 1])
  if bad then
    return refuse(bad)
  end
  raw[#raw + 1], others[i] = other, settled(other)
  ahead = math.max(ahead, other.ahead or 0)
end

if answer then
  return refuse({ 'retired', answer })
end

local pause_all, unread
if not through_pause then
  pause_all, unread = pause_of_all()
  if unread then
    return refuse(unread)
  end
end

local seen, lost = settled(record)
local verdicts = {}
local refused
for i = 13, #ARGV, 4 do
  local check = CONDITIONS[ARGV[i]]
  if not check then
    return redis.error_reply('ERR condolock: no condition ' .. ARGV[i])
  end
  local other = others[tonumber(ARGV[i + 1])]
  local verdict, since, due = check(other or seen, tonumber(ARGV[i + 2]), ARGV[i + 3], seen)
  if not verdict then
    return refuse(since)
  end
  verdicts[#verdicts + 1] = { verdict, ms(since), ms(due) }
  if verdict ~= 'holds' and not refused then
    -- With several slots, another run may succeed before this one.
    local runner = other and (verdict == 'running' or other.slots == 1) and living(other)[1]
    refused = { 'skipped', text(#verdicts), verdict, ms(since), ms(due), runner and runner.who or '' }
    local other_name = other and string.sub(other.key, #JOB - #name + 1)
    local rest = other_name or ARGV[i + 3]
    refused.why = table.concat({ ARGV[i], verdict, since and text(since) or '-', ARGV[i + 2], rest }, ' ')
  end
end
-- Not earlier, so that a record that is refused as malformed stays as it is.
local unbounded = starts and not dry and mend_starts(record)
if unbounded then
  return refuse(unbounded)
end

-- A caller whose number of slots differs from the live holders' is refused. Otherwise they would disagree about the limit.
local live = living(record)
local taken = #live > 0 and (#live >= record.slots or slots ~= record.slots)
local function holder()
  local first = live[1]
  return first.who, text(now - math.min(first.start, now)), text(first.expires_at - now), text(#live), text(record.slots)
end
local halted = not through_pause and (paused(record) and record or nil)
local of_all = pause_all
if of_all and (not halted or of_all.paused_until > halted.paused_until) then
  halted = of_all
end
local function pause_reply()
  local left, why, by, since = shown_pause(halted)
  return left, why, by, since, halted == of_all and '1' or ''
end
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
  ahead = math.max(ahead, record.ahead or 0, seen.ahead or 0)
  add_all(halted and '1' or '')
  if halted then
    add_all(pause_reply())
  else
    add_all('', '', '', '', '')
  end
  add_all(ahead > 0 and text(ahead) or '')
  for _, verdict in ipairs(verdicts) do
    add_all(unpack(verdict))
  end
  return reply
end

local fence = math.max((record.fence or 0) + 1, now)
if fence >= GREATEST then
  return malformed(JOB, 'field fence is at its maximum')
end
for _, other in ipairs(raw) do
  save_mended(other)
end
if pause_all and pause_all.is_mended then
  write('HSET', PAUSE, 'paused_until', text(pause_all.paused_until))
end
local mine = find(record, token)
if mine and not mine.revoked then
  local again = copy_with(mine, 'expires_at', later(mine.expires_at, now + lease))
  again.length = later(mine.length, lease)
  if not is_live(mine) then
    -- The engine may have granted other runs since, and lost them. A new fence is greater than theirs.
    again.fence = fence
    set_field(record, 'fence', fence)
    if starts then
      rewrite_starts(redis.call('LRANGE', STARTS, 0, MOST_STARTS - 1), function(at, of)
        return math.min(at, now), of == text(mine.fence) and text(fence) or of
      end)
    end
  end
  record.holders = replaced(record, mine, again)
  save(record)
  return commit() or { 'granted', text(again.fence), text(mine.start), ms(record.ok_start) }
end

-- A token holds one lease at a time. While its revoked lease is live, it gets no second one.
taken = taken or mine and is_live(mine)

-- Every refusal writes something. So a stale replica answers READONLY, not a wrong refusal.
if taken or halted or refused then
  -- A refusal is no activity, so it does not change the time of a key in the index. Nearly every key is there already.
  if record.v then
    local reply = redis.pcall('ZADD', INDEX, 'NX', text(now), name)
    if type(reply) == 'table' then
      return unreadable(INDEX, reply, 'ZADD')
    end
  else
    index(name)
  end
  local beginning = string.sub(token, 1, 8)
  if counted and record.skip_of ~= beginning then
    add(record, 'skips')
    add(record, 'refusals')
    set_field(record, 'skip_of', beginning)
    store_forget_after(record)
    set_field(record, 'refused_at', now)
    set_field(record, 'refused_who', who)
    local why = refused and refused.why
    if taken then
      why = 'held ' .. live[1].who
    elseif halted then
      why = halted == of_all and 'all-paused ' or 'paused '
      why = why .. operator_of(halted.paused_by) .. ' ' .. (halted.paused_why or '')
    end
    set_field(record, 'refused_why', string.sub(why, 1, LONGEST_TEXT))
  end
  -- Register the waiter, so that the script that frees a lease or ends the pause wakes it. The waiter sleeps at most until
  -- the lease or the pause ends by itself.
  if patience and (taken or halted) then
    local left = taken and live[1].expires_at - now or halted.paused_until - now
    left = math.max(10, math.min(left, patience, LONGEST_SLEEP))
    set_field(record, 'waiters_until', later(record.waiters_until, now + left + SLEEP_MARGIN))
  end
  save(record)
  local reply
  if taken then
    if #live < record.slots then
      -- A slot is free for a waiter with the holders' number of slots. Pass on a wake-up that this caller may have consumed.
      wake(record)
    end
    reply = { 'held', holder() }
  elseif halted then
    if not patience and not counted then
      wake(record) -- this waiter gives up: pass on a wake-up that it may have consumed, or nobody sees the pause end
    end
    reply = { 'paused', pause_reply() }
  else
    -- A slot is free. Pass on a wake-up that this caller may have consumed.
    wake(record)
    reply = refused
  end
  return commit() or reply
end

-- The type of the runs list is checked for finish. The IDs are checked here if no condition has read them. load did not read
-- the slots hash unless h_slots was set.
local bad = mistyped(RUNS, 'list') or through_pause and mistyped(ONCE, 'zset')
  or slots > 1 and not record.h_slots and mistyped(SLOTS, 'hash')
if bad then
  return bad
end
local before = starts and redis.call('LLEN', STARTS)
if before and before > MOST_STARTS then
  return malformed(STARTS, 'has more than ' .. text(MOST_STARTS) .. ' elements')
end
-- A run must not start if its end could not be recorded. What the last run was allowed to record, this one is too. So this
-- asks only before the first run, and after a run that recorded no end.
local unable = (not record.ended or #lost > 0) and unable_to_finish(starts, slots > 1)
if unable then
  return unable
end
index(name)
if slots > 1 and not record.h_slots then
  write('DEL', SLOTS) -- left over after an operator deleted the job key alone: these are not leases
end
store_forget_after(seen)
if seen.forget_after then
  drop_expired_names()
end
set_field(seen, 'fence', fence)
if (seen.freed_until or now) <= now then
  set_field(seen, 'freed_until', nil)
  set_field(seen, 'freed_fence', nil)
  set_field(seen, 'freed_by', nil)
end
seen.slots = slots
seen.holders = replaced(seen, nil,
  { token = token, expires_at = now + lease, length = lease, fence = fence, start = now, who = who })
for _, gone in ipairs(lost) do
  push_history(history_limit(seen, rows_wanted), gone.fence, gone.start, gone.expires_at, 'lost', nil, gone.who)
end
if starts then
  -- Never shorten the list: another caller may need more starts. Keep one more for each slot, since abandon may remove one.
  write('LPUSH', STARTS, text(now) .. ' ' .. text(fence))
  write('LTRIM', STARTS, 0, math.max(starts + slots, before) - 1)
end
save(seen)
if #seen.holders < slots then
  wake(seen)
end
return commit() or { 'granted', text(fence), text(now), ms(seen.ok_start) }
