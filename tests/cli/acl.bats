load helper

# The ACL rule of README: it is enough for every command, and each part of it is needed. A user who lacks a part gets 77 and the
# way out, and nothing happens.

setup() {
  start_case
  rule=$(sed -n 's/^ *ACL SETUSER condolock on >PASSWORD \(.*\)$/\1/p' "$SOURCE_DIR/README.md")
  [ -n "$rule" ]
  export CONDOLOCK_USER=job CONDOLOCK_PASSWORD=pw
}

# grant RULE...: replaces what the user may do.
grant() { redis ACL SETUSER job reset on '>pw' "$@" | grep -qx OK; }

# rule_without PART: the rule, one part a line.
rule_without() { tr ' ' '\n' <<<"$rule" | grep -vxF -e "$1"; }

admin() { env -u CONDOLOCK_USER -u CONDOLOCK_PASSWORD "$CONDOLOCK" "$@"; }

# Prints what is stored, but not the retired tokens, which are no part of a record: a run that got an error retires its token.
stored() {
  redis EVAL 'local out = {} for _, key in ipairs(redis.call("KEYS", "*")) do
    if not string.find(key, ":retired:", 1, true) then out[#out + 1] = key .. redis.sha1hex(redis.call("DUMP", key)) end
    end table.sort(out) return out' 0
}

# held_by_another [SLOTS]: K has a live holder, without a process.
held_by_another() {
  local now
  now=$(server_time)
  redis ZADD '{condolock}:index' "$now" K >/dev/null
  if [ -n "${1-}" ]; then
    redis HSET '{condolock}:job:K' v 1 fence "$now" h_slots "$1" >/dev/null
    redis HSET '{condolock}:slots:K' other "$((now + 60000)) 60000 $now $now 0 1 host" >/dev/null
  else
    redis HSET '{condolock}:job:K' v 1 fence "$now" h_token other h_fence "$now" h_start "$now" h_length 60000 \
      h_until $((now + 60000)) h_who '1 host' >/dev/null
  fi
}

# More names than one request of list reads, all with the same time.
many_names() { redis EVAL 'for i = 1, 1500 do redis.call("ZADD", KEYS[1], 5, "name" .. i) end' 1 '{condolock}:index' >/dev/null; }

# Each line: the exit code with the whole rule, what the admin prepares, and the command line.
scenes() {
  cat <<'END'
0   |                              | run --key K -- touch ran
127 |                              | run --key K --max-runs 9/1h -- /no/such
0   |                              | run --key K --slots 2 -- touch ran
75  | held_by_another              | run --key K -- touch ran
0   | held_by_another 2            | run --key K --slots 2 -- touch ran
0   | redis ZADD {condolock}:index 5 gone | run --key K --forget-after 1d -- touch ran
0   | admin touch p                | run --key K --min-time 1m --accessed-prior p:1h --after p --not-running q --retry-after 1s --max-failures 9 --max-runs 9/1h --once id -- touch ran
0   |                              | run --key K --history 0 --on-success true --on-failure true -- touch ran
75  | admin touch K                | check --key K --min-time 1h --max-runs 9/1h --once id
0   |                              | touch K
0   |                              | touch --failed K
0   | admin touch K                | status K
0   | admin touch K                | list
0   | many_names                   | list --plain
0   | admin touch K                | history K
0   |                              | pause K
0   | admin pause K                | resume K
0   |                              | pause --all
0   | admin pause --all            | resume --all
0   | held_by_another              | unlock K
0   | held_by_another              | unlock --now K
0   | admin touch K                | reset --yes K
0   | admin touch K                | reset --yes --older-than 1ms K
END
}

# each_scene FUNCTION: calls it with NUMBER CODE ARGUMENTS... for each scene, with what the scene prepares.
each_scene() {
  local number=0 code prepare line
  while IFS='|' read -r code prepare line; do
    number=$((number + 1))
    redis FLUSHALL >/dev/null
    rm -f ran
    # shellcheck disable=SC2086  # words
    $prepare >/dev/null 2>&1
    redis SCRIPT FLUSH >/dev/null
    redis CONFIG RESETSTAT >/dev/null
    # shellcheck disable=SC2086
    "$1" "$number" $code $line
  done < <(scenes)
}

# The commands that the server ran or refused since RESETSTAT, in lower case.
asked() { redis INFO commandstats | sed -nE 's/^cmdstat_([a-z]+):calls=.*/\1/p'; }
# calls COMMAND: how often, refused or not.
calls() { redis INFO commandstats | awk -F '[=,:]' -v name="cmdstat_$1" '$1 == name { print $3 + $9; found = 1 } END { if (!found) print 0 }'; }

# try ARG...: sets code and said.
try() {
  code=0
  "$CONDOLOCK" "$@" >/dev/null 2>said || code=$?
  said=$(<said)
}

passes() {
  local number=$1 wanted=$2
  shift 2
  try "$@"
  [[ $code -eq $wanted && "$said" != *SETUSER* ]] || { echo "$*: $code $said"; return 1; }
  asked >"asked.$number"
  echo $(($(calls evalsha) + $(calls eval))) >"requests.$number"
}

wrong() { echo "without $part: $*" | tee -a failures; }

# Looks at a scene in which the server is asked for the command `part` (all of them with the key pattern).
is_refused() {
  local number=$1 before requests
  shift 2
  [ "$part" = keys ] || grep -qx "$part" "asked.$number" || return 0
  before=$(stored)
  redis CONFIG RESETSTAT >/dev/null
  try "$@"
  [[ $code -eq 77 && "$said" == *"$hint"* ]] || wrong "$* was $code: $said"
  [ ! -e ran ] || wrong "$* ran"
  [ "$(stored)" = "$before" ] || wrong "$* left something"
  # A run that gets an error abandons its attempt: with the script's digest, then with its source. Apart from that, nothing is
  # sent that a success would not have sent.
  requests=$(($(calls evalsha) + $(calls eval)))
  [ "$requests" -le $(($(<"requests.$number") + 2)) ] || wrong "$* sent $requests requests"
  refused=$((refused + 1))
}

@test "the rule in README is enough for every command, and without a part of it each command that needs it does nothing: 77" {
  # shellcheck disable=SC2086
  grant $rule
  each_scene passes
  for word in $rule; do
    part=${word#+} hint="ACL SETUSER job $word"
    [[ $word != '~'* ]] || part=keys
    case $part in select | blpop | role | wait) continue ;; esac # see below
    # shellcheck disable=SC2046
    grant $(rule_without "$word")
    refused=0
    each_scene is_refused
    [ "$refused" -ge 1 ] || wrong 'no command needs it'
  done
  [ ! -e failures ]
}

# waits WANTED: a run that waits behind another one, which ends when it sleeps in the server. Its exit code must be WANTED.
waits() {
  local wanted=$1 code=0
  redis FLUSHALL >/dev/null
  rm -f ran hold
  mkfifo hold
  admin run --key K -- cat hold 3>&- &
  local holder=$!
  wait_for held K
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 2>said 3>&- &
  local waiter=$!
  asleep_or_gone() { gone "$waiter" || blocked 1; }
  wait_for asleep_or_gone
  : >hold
  wait "$holder"
  wait "$waiter" || code=$?
  [ "$code" -eq "$wanted" ] || { echo "$code: $(<said)"; return 1; }
}

@test "a user without BLPOP cannot wait, one without ROLE cannot check, and one without SELECT has no other database" {
  # shellcheck disable=SC2086
  grant $rule
  waits 0
  [ -e ran ]
  # shellcheck disable=SC2046
  grant $(rule_without +blpop)
  waits 77
  [[ "$(<said)" == "condolock: error: K was not run: $REDIS_DIR/redis.sock says: NOPERM "*"'blpop' command (allow it: ACL SETUSER job +blpop)" ]]
  [ ! -e ran ]
  [ "$(job K runs)" = 1 ] # that of the holder
  run -0 "$CONDOLOCK" run --key K -- true

  # shellcheck disable=SC2046
  grant $(rule_without +role)
  run -77 "$CONDOLOCK" check --key K
  [[ "$output" == *'+role'* ]]
  run -0 "$CONDOLOCK" run --key K -- true

  # shellcheck disable=SC2046
  grant $(rule_without +select)
  run -0 "$CONDOLOCK" run --key K -- true
  for command in 'run --key K -- touch ran' 'check K' 'status K' 'list' 'history K' 'touch K' 'pause K' 'resume K' 'unlock K' 'reset --yes K'; do
    # shellcheck disable=SC2086
    run -77 "$CONDOLOCK" --url "$CONDOLOCK_URL?db=3" $command
    [[ "$output" == *"ACL SETUSER job +select"* ]] || { echo "$output"; return 1; }
  done
  [ ! -e ran ]
  [ "$(redis -n 3 DBSIZE)" = 0 ]
  # shellcheck disable=SC2086
  grant $rule
  run -0 "$CONDOLOCK" --url "$CONDOLOCK_URL?db=3" run --key K -- true
}

@test "with the rule, doctor finds no error, and a run is renewed, unlocked, paused, waited for and revoked" {
  # shellcheck disable=SC2086
  grant $rule
  run "$CONDOLOCK" doctor
  [ "$status" -le 1 ]
  [[ "$output" == *'runs work'* && "$output" != *$'\nerror '* ]]
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 6s --slots 2 -- cat hold 3>&- &
  first=$!
  slot_renewed() { redis HGETALL '{condolock}:slots:K' | awk '$1 ~ /^[0-9]+$/ && NF > 4 { found = $1 > $4 + $2 } END { exit !found }'; }
  wait_for slot_renewed # the lease ends later than a lease after its start
  "$CONDOLOCK" check --key L --not-running other
  : >hold
  wait "$first"
  "$CONDOLOCK" pause K
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
  waiter=$!
  wait_for blocked 1
  "$CONDOLOCK" resume K
  wait "$waiter"
  [ -e ran ]
  for how in '' --now; do
    "$CONDOLOCK" run --key U --lease 2s -- sleep 60 3>&- 2>said &
    holder=$!
    wait_for held U
    # shellcheck disable=SC2086
    "$CONDOLOCK" unlock $how U
    expect_code 79 wait "$holder"
    run -0 cat said
    [[ "$output" != *NOPERM* && "$output" != *'ACL SETUSER'* ]]
  done
}

@test "a user who loses a right during a run: each failure names it; the run is stopped in time, or is not recorded" {
  # shellcheck disable=SC2086
  grant $rule
  # shellcheck disable=SC2046
  without() { grant $(rule_without "$1"); }
  # The renewals fail. The right returns before the lease ends.
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 12s -- cat hold 2>said 3>&- &
  run=$!
  wait_for held K
  without +hmget
  wait_for grep -qF '(allow it: ACL SETUSER job +hmget)' said
  # shellcheck disable=SC2086
  grant $rule
  wait_for outlived K
  : >hold
  wait "$run"
  [ "$(job K outcome)" = success ]
  [ "$(grep -c SETUSER said)" -eq 1 ]
  # It does not return: the command is stopped before the lease ends.
  "$CONDOLOCK" run --key K --lease 6s -- sleep 60 2>said 3>&- &
  run=$!
  wait_for held K
  without '~{condolock}:*'
  expect_code 79 wait "$run"
  grep -qF '(allow them: ACL SETUSER job ~{condolock}:*)' said
  # The end cannot be recorded, and is not sent again: 74 for a success, the command's own code for a failure.
  for code in 0 4; do
    # shellcheck disable=SC2086
    grant $rule
    redis FLUSHALL >/dev/null
    "$CONDOLOCK" run --key K -- sh -c 'read -r line <hold; exit '"$code" 2>said 3>&- &
    run=$!
    wait_for held K
    without +zremrangebyscore
    redis CONFIG RESETSTAT >/dev/null
    echo >hold
    expect_code $((code == 0 ? 74 : code)) wait "$run"
    grep -qF '(allow it: ACL SETUSER job +zremrangebyscore)' said
    [ "$(job K outcome)" = '' ]
    held K
    [ $(($(calls evalsha) + $(calls eval))) -le 2 ]
  done
  # The next run finds out before it starts its command.
  redis HSET '{condolock}:job:K' h_until 1 >/dev/null
  before=$(stored)
  run -77 "$CONDOLOCK" run --key K -- touch ran
  [[ "$output" == *'(allow it: ACL SETUSER job +zremrangebyscore)' ]]
  [ ! -e ran ]
  [ "$(stored)" = "$before" ]
}

@test "without +wait, --wait-replicas is 77: nothing runs, and no lease is left" {
  # shellcheck disable=SC2046
  grant $(rule_without +wait)
  "$CONDOLOCK" run --key K -- true
  run -77 "$CONDOLOCK" run --key L --wait-replicas 1 -- touch ran
  [[ "$output" == *'(allow it: ACL SETUSER job +wait)' ]]
  [ ! -e ran ]
  [ -z "$(job L h_token)" ]
  [ -z "$(job L outcome)" ]
}

@test "what doctor says to a user who lacks something makes everything pass" {
  # Users with the keys, with others and with all keys: Redis adds no pattern to ~*. Some may not ask the server what they lack.
  for acl in +acl -acl; do
    for lacking in '~{condolock}:* -eval' '~{condolock}:* -exists' '~{other}:* +@all' '~* -@scripting' '~* -@write' '~* -del' '~* -hmget' '~* -@all'; do
      # shellcheck disable=SC2086
      grant +@all "$acl" $lacking
      wanted="job $rule"
      [[ $lacking != '~* '* ]] || wanted="job ${rule#* }"
      run -2 "$CONDOLOCK" doctor
      advice=$(sed -n 's/^ *-> ACL SETUSER \(job .*\)$/\1/p' <<<"$output")
      [ "$advice" = "$wanted" ] || { echo "$acl $lacking: $output"; return 1; }
      # shellcheck disable=SC2086
      redis ACL SETUSER $advice | grep -qx OK
      run "$CONDOLOCK" doctor
      [[ "$output" == *'ok '*'permissions'*'user job has all it needs'* ]] || { echo "$acl $lacking: $output"; return 1; }
      redis FLUSHALL >/dev/null
      redis SCRIPT FLUSH >/dev/null
      "$CONDOLOCK" run --key K --max-runs 2/1h --once id -- true
    done
  done
}
