-- acquire: may this job run here, now? Decides and takes the lease in one step; with `dry`, tells and writes nothing.
--
-- KEYS  1 job  2 runs  3 retired  4 index  5... the jobs that conditions name
-- ARGV  1 key  2 token  3 lease, ms  4 who ("pid host")  5 rows to keep in runs  6 dry: "1" or ""
--       7 run though it is paused: "1" or ""
--       8... four for each condition: name, number of its key in KEYS (0: this job), a number, a word
-- reply "granted" fence start ok_start            ok_start "" before the first success
--       "held" who for left                       by a live holder: since when, how long its lease lasts
--       "paused" left why                         left "" until somebody resumes it
--       "skipped" position verdict since due      the first condition that does not hold (positions from 1)
--       "retired" answer                          this token is done: never a grant
--       "verdicts" who for left paused left why, then verdict since due for every condition
--                                                 (dry; who "" where nobody holds, paused "1" or "")
--       "malformed" key why / "newer" key version
-- A verdict is "holds" or why not; since and due are milliseconds, "" where there is nothing to say.
local job, runs, done, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, token, lease, who, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local dry, through_pause = ARGV[6] == '1', ARGV[7] == '1'
local now = clock()

-- One branch for each condition: the settled record of the job that it looks at, a number, a word, this job's own record
-- -> verdict, since, due.
local CONDITIONS = {
  ['min-time'] = function(record, least, from)
    local at = from == 'start' and record.ok_start or record.ok_end
    if not at then
      return 'holds'
    end
    local since = now - at
    if since >= least then
      return 'holds', since
    end
    return 'recent', since, least - since
  end,

  ['accessed-prior'] = function(record, most)
    if not record.ended then
      return 'never'
    end
    local since = now - record.ended
    if record.outcome ~= 'success' then
      return 'failed', since
    end
    if since > most then
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
    if not held(record, now) then
      return 'holds'
    end
    return 'running', now - record.h_start
  end,

  ['retry-after'] = function(record, least)
    if not record.ended or record.outcome == 'success' then
      return 'holds'
    end
    local since = now - record.ended
    if since >= least then
      return 'holds', since
    end
    return 'failed', since, least - since
  end,

  ['max-failures'] = function(record, limit)
    local since = record.failed_at and now - record.failed_at
    if (record.fails or 0) < limit then
      return 'holds', since
    end
    return 'failed', since
  end,
}

local function ms(n)
  return n and text(n) or ''
end

local record, answer = open(job, done, token, runs, index)
if not record then
  return answer
end
local others = {}
for i = 5, #KEYS do
  local other, bad = load(KEYS[i])
  if bad then
    return bad
  end
  others[i] = settled(other, now)
end

if answer then
  return { 'retired', answer }
end

local seen = settled(record, now)
local verdicts = {}
local refused
for i = 8, #ARGV, 4 do
  local check = CONDITIONS[ARGV[i]]
  if not check then
    return redis.error_reply('ERR condolock: no condition ' .. ARGV[i])
  end
  local verdict, since, due = check(others[tonumber(ARGV[i + 1])] or seen, tonumber(ARGV[i + 2]), ARGV[i + 3], seen)
  verdicts[#verdicts + 1] = { verdict, ms(since), ms(due) }
  if verdict ~= 'holds' and not refused then
    refused = #verdicts
  end
end

local taken = held(record, now)
local halted = not through_pause and paused(record, now)
local pause_left = halted and record.paused_until < GREATEST and text(record.paused_until - now) or ''
if dry then
  local reply = { 'verdicts', '', '', '' }
  if taken then
    reply = { 'verdicts', record.h_who or '', text(now - record.h_start), text(record.h_until - now) }
  end
  for _, part in ipairs({ halted and '1' or '', pause_left, halted and record.paused_why or '' }) do
    reply[#reply + 1] = part
  end
  for _, verdict in ipairs(verdicts) do
    for _, part in ipairs(verdict) do
      reply[#reply + 1] = part
    end
  end
  return reply
end

if record.h_token == token and not record.h_revoked then
  local longer = copied(record)
  longer.h_until = later(longer.h_until, now + lease)
  save(job, record, longer)
  return { 'granted', text(record.h_fence), text(record.h_start), ms(record.ok_start) }
end

-- A refusal is counted, which also makes it a write: a replica that lags behind must refuse it, not answer it.
if taken or halted or refused then
  local counted = copied(record)
  add(counted, 'skips')
  redis.call('ZADD', index, 'NX', text(now), name)
  save(job, record, counted)
  if taken then
    return { 'held', record.h_who or '', text(now - record.h_start), text(record.h_until - now) }
  end
  if halted then
    return { 'paused', pause_left, record.paused_why or '' }
  end
  local verdict = verdicts[refused]
  return { 'skipped', text(refused), verdict[1], verdict[2], verdict[3] }
end

-- The lease is written last, so that a script that is refused half-way has granted nothing.
local new = copied(seen)
new.fence = math.max((record.fence or 0) + 1, now)
new.h_token, new.h_until, new.h_fence, new.h_start, new.h_who = token, now + lease, new.fence, now, who
redis.call('ZADD', index, text(now), name)
if record.h_token then
  remember(runs, keep, record.h_fence, record.h_start, record.h_until, 'lost', nil, record.h_who or '')
end
save(job, record, new)
return { 'granted', text(new.fence), text(now), ms(new.ok_start) }
