-- The first part of every script: the keys, the fields of a record, and their checks. A script is this file, load.lua,
-- change.lua and one verb's file, joined.
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
--   10 {ns}:pause     hash: the pause of all jobs, with the fields paused_* of a record
-- acquire and status have more after these.
--
-- Replies are flat arrays; numbers in them are decimal text. Every script may reply, with nothing changed in any record:
--   "malformed" key why      that Redis key holds something that condolock does not write
--   "newer" key version      a later version of condolock wrote the record
-- Other errors of the server are passed on as error replies.
local JOB, RUNS, RETIRED, INDEX, SLOTS, WAKE, STARTS, ONCE, SPARE, PAUSE = unpack(KEYS, 1, 10)

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
--   refusals           all refusals
--   refused_at         time of the last refusal
--   refused_who        who was refused then: "pid host"
--   refused_why        why: "held pid host", "paused operator reason", "all-paused operator reason", or
--                      "condition verdict since number rest". since: ms, or "-". rest: the name of the other job, or the
--                      condition's word. Cut to LONGEST_TEXT bytes.
--   skip_of            beginning of the token that was refused last, so that a request that arrives twice counts once
--   runs, failures     how many runs ended, and how many of them failed
--   took               duration of the last run
--   revoked_by         the operator who had revoked or removed its lease, and the time; absent: nobody
--   paused_until       end of the pause; GREATEST: until resume
--   paused_for         length of the pause; absent: until resume
--   paused_why         reason for the pause
--   paused_by          the operator and the time (see by_operator)
--   waiters_until      a waiter may be asleep until this time
--   freed_until        unlock --now removed leases, of which the last would have ended then; until then a command may run
--   freed_fence        fence of that lease; of several, the greatest
--   freed_by           the operator and the time
--   history_limit      how many rows {ns}:runs:K keeps; absent: HISTORY
--   forget_after       ms: the record expires when it has not been used for so long; absent: never
--   h_*                the holder: token (secret), until (end of its lease), length (of its lease), fence, start, who ("pid
--                      host"), revoked (the operator and the time; absent: it is not)
--   h_slots            number of slots, if more than one. The holders are then in {ns}:slots:K, one field for each:
--                      token -> "until length fence start revoked who", with revoked 0 if it is not.
-- The numbers come first, then the texts.
local FIELDS = {
  'v', 'fence', 'cut', 'ok_start', 'ok_end', 'ended', 'code', 'failed_at', 'failures_in_a_row', 'skips', 'refusals',
  'refused_at', 'runs', 'failures', 'took', 'paused_until', 'paused_for', 'waiters_until', 'freed_until', 'freed_fence',
  'history_limit', 'forget_after', 'h_until', 'h_length', 'h_fence', 'h_start', 'h_slots', 'outcome', 'paused_why',
  'paused_by', 'refused_who', 'refused_why', 'freed_by', 'revoked_by', 'h_token', 'h_who', 'h_revoked', 'skip_of',
}
local NUMBERS = 27 -- how many of FIELDS are numbers
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

-- The reply to give after `command` failed on `key`: "malformed" for a wrong type, else the server's own error. That does
-- not always say which command an ACL refuses to a script, so its name is added.
local function unreadable(key, reply, command)
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    return malformed(key, 'holds another type of value')
  end
  reply.err = reply.err .. ' (in ' .. command .. ')'
  return reply
end

-- nil if the key is absent or has the wanted type; else the reply to give.
local function mistyped(key, wanted)
  local reply = redis.pcall('TYPE', key)
  if reply.err then
    return unreadable(key, reply, 'TYPE')
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

-- What an operator did, and when: "time:operator". The operator is a word, as the client gives it, of at most 50 bytes.
local function by_operator(operator)
  return text(now) .. ':' .. operator
end

-- The operator, and the ms since; two empty texts if unknown.
local function operator_of(word)
  local at, operator = string.match(word or '', '^(%d+):(.*)$')
  at = at and number(at)
  return operator or '', at and text(now - math.min(at, now)) or ''
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
    return nil, unreadable(slots, many, 'HLEN')
  end
  if many > MOST_HOLDERS or record.h_slots > MOST_HOLDERS then
    return nil, malformed(slots, 'has more than ' .. text(MOST_HOLDERS) .. ' holders')
  end
  local pairs_of = redis.pcall('HGETALL', slots)
  if pairs_of.err then
    return nil, unreadable(slots, pairs_of, 'HGETALL')
  end
  local holders = {}
  for i = 1, #pairs_of, 2 do
    local token, value = pairs_of[i], pairs_of[i + 1]
    if #token > LONGEST_TEXT or #value > LONGEST_ROW then
      return nil, malformed(slots, 'has a field that is longer than 64 or 256 bytes')
    end
    local expires_at, length, fence, start, revoked, who = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
    expires_at, length = number(expires_at or ''), number(length or '')
    fence, start = number(fence or ''), number(start or '')
    local known = revoked == '0' or string.find(revoked or '', '^%d+:')
    if not (expires_at and length and fence and start and known) then
      return nil, malformed(slots, 'has an invalid holder')
    end
    holders[#holders + 1] = {
      token = token, expires_at = expires_at, length = length, fence = fence, start = start,
      revoked = revoked ~= '0' and revoked or nil, who = who,
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
