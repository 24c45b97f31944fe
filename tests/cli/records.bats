#!/usr/bin/env bats
# Records that somebody filled or damaged, a server that is full or refuses a command, and a clock that goes back.
bats_require_minimum_version 1.5.0
load helper

# stuff KEY FIELD BYTES: sets the field to a text of that length, through standard input.
stuff() { head -c "$3" /dev/zero | tr '\0' x | redis -x HSET "{condolock}:job:$1" "$2" >/dev/null; }

ahead() { redis HSET "{condolock}:job:$1" "$2" $(($(server_time) + 315360000000)) >/dev/null; }

is_now() { [ "$(job "$1" "$2")" -le "$(server_time)" ] && [ "$(job "$1" "$2")" -gt $(($(server_time) - 60000)) ]; }

@test "a pause reason of 9 MB: list names that key and prints the rest, and reset --yes removes it" {
  for key in a b c; do "$CONDOLOCK" touch "$key"; done
  stuff b paused_why 9000000
  for form in '' --json --prometheus; do
    run --separate-stderr "$CONDOLOCK" list $form
    [ "$status" -eq "$([ "$form" = --prometheus ] && echo 0 || echo 65)" ]
    [[ "$stderr" == *'{condolock}:job:b'*'field paused_why has more than 64 bytes'* ]]
    [[ "$output" == *a*c* ]]
    [ ${#output} -lt 4000 ]
  done
  expect_code 65 "$CONDOLOCK" run --key b -- touch ran
  "$CONDOLOCK" reset b --yes
  "$CONDOLOCK" run --key b -- touch ran
  [ -e ran ]
}

@test "300,000 names of one score: list reads 100,000, says that there are more, and uses little memory" {
  redis EVAL 'for i = 1, 300000 do
    redis.call("ZADD", KEYS[1], 5, "name" .. i)
    redis.call("HSET", "{condolock}:job:name" .. i, "v", 1) -- else it counts as expired
  end' 1 '{condolock}:index' >/dev/null
  (
    # AddressSanitizer reserves terabytes.
    grep -q -e -fsanitize=address "$BUILD_DIR/CMakeCache.txt" || ulimit -v 300000
    run --separate-stderr timeout 100 "$CONDOLOCK" list --plain
    [ "$status" -eq 65 ] || { echo "$status $stderr"; exit 1; }
    [ "${#lines[@]}" -ge 100000 ] && [ "${#lines[@]}" -lt 102000 ] || exit 1
    [[ "$stderr" == *'more keys than 100000'*'reset'* ]]
  )
}

@test "list ends, even if names are added as fast as it reads them" {
  redis EVAL 'for i = 1, 150000 do redis.call("ZADD", KEYS[1], i, "name" .. i) end' 1 '{condolock}:index' >/dev/null
  (while :; do redis EVAL 'local t = redis.call("TIME")
    for i = 1, 5000 do redis.call("ZADD", KEYS[1], t[1] .. t[2], t[1] .. t[2] .. i) end' 1 '{condolock}:index'; done) \
    >/dev/null 3>&- &
  local adding=$!
  run --separate-stderr timeout 100 "$CONDOLOCK" list --plain
  put_down $adding
  [ "$status" -eq 65 ]
  [[ "$stderr" == *'more keys than 100000'* ]]
}

@test "names in the index that are too long are counted, and the rest is listed" {
  "$CONDOLOCK" touch a
  "$CONDOLOCK" touch c
  head -c 2000000 /dev/zero | tr '\0' x | redis -x ZADD '{condolock}:index' 5 >/dev/null
  run --separate-stderr "$CONDOLOCK" list --plain
  [ "$status" -eq 65 ]
  [ "$output" = $'a\nc' ]
  [[ "$stderr" == *'{condolock}:index has 1 names of more than 1024 bytes'*ZREM* ]]
}

@test "a record with more than a thousand holders is malformed, and reset --yes removes it" {
  for many in 1001 10000; do
    "$CONDOLOCK" touch k
    redis HSET '{condolock}:job:k' h_slots 10 >/dev/null
    redis EVAL 'for i = 1, tonumber(ARGV[1]) do redis.call("HSET", KEYS[1], "t" .. i, "1 2 3 4 0 1 h") end' \
      1 '{condolock}:slots:k' $many >/dev/null
    run --separate-stderr "$CONDOLOCK" run --key k --slots 10 -- touch ran
    [ "$status" -eq 65 ]
    [[ "$stderr" == *'{condolock}:slots:k'*'has more than 1000 holders'* ]]
    [ ! -e ran ]
    "$CONDOLOCK" reset k --yes
    "$CONDOLOCK" run --key k --slots 10 -- true
  done
}

@test "every message about a malformed record says how to remove it, and that works" {
  local key="it's a key"
  spoil() { redis DEL "{condolock}:$1:$key" >/dev/null && redis "${@:2:1}" "{condolock}:$1:$key" "${@:3}" >/dev/null; }
  for damage in 'job SET x' 'job HSET v 1 fence x' 'slots SET x' 'runs SET x' 'runs LPUSH x' 'starts SET x' 'once SET x'; do
    "$CONDOLOCK" run --key "$key" --slots 2 --max-runs 9/1h -- true
    # shellcheck disable=SC2086  # these are words
    spoil $damage
    for command in 'run -w 1s --slots 2 --max-runs 9/1h -- true' 'run --once x -- true' history status; do
      # shellcheck disable=SC2086
      set -- $command
      run --separate-stderr "$CONDOLOCK" "$1" --key "$key" "${@:2}"
      [ "$status" -ne 65 ] || [[ "$stderr" == *"(condolock reset 'it'\\''s a key' --yes removes it)" ]] || { echo "$damage: $stderr"; return 1; }
      [ "$status" -ne 65 ] || echo "$damage" >>refused
    done
    run "$CONDOLOCK" reset 'it'\''s a key' --yes
    "$CONDOLOCK" run --key "$key" --slots 2 --max-runs 9/1h -- true
    "$CONDOLOCK" run --key "$key" --once x -- true
    "$CONDOLOCK" history --key "$key"
    redis FLUSHALL >/dev/null
  done
  [ "$(sort -u refused | wc -l)" -eq 7 ] || { sort refused | uniq -c; return 1; }
  # reset does not remove the index.
  redis SET '{condolock}:index' x >/dev/null
  for command in 'touch k' list 'reset k --yes'; do
    run -65 --separate-stderr "$CONDOLOCK" $command
    [[ "$stderr" == *"(redis-cli DEL '{condolock}:index' removes it)" ]] || { echo "$stderr"; return 1; }
  done
  redis DEL '{condolock}:index' >/dev/null
  "$CONDOLOCK" touch k
}

@test "skips at their greatest value: two more refusals leave the record readable" {
  "$CONDOLOCK" touch k
  redis HSET '{condolock}:job:k' skips 9007199254740991 >/dev/null
  for _ in 1 2; do expect_code 75 "$CONDOLOCK" run --key k --min-time 1h -- touch ran; done
  "$CONDOLOCK" status k
  [ ! -e ran ]
}

@test "--history 0: no touch adds rows again, but another --history does" {
  "$CONDOLOCK" run --key k --history 0 -- true
  "$CONDOLOCK" touch k
  "$CONDOLOCK" run --key k -- true
  expect_code 7 "$CONDOLOCK" run --key k -- sh -c 'exit 7'
  [ "$(redis LLEN '{condolock}:runs:k')" = 0 ]
  "$CONDOLOCK" run --key k --history 2 -- true
  for _ in 1 2 3; do "$CONDOLOCK" touch k; done
  [ "$(redis LLEN '{condolock}:runs:k')" = 2 ]
}

@test "a server becomes full during a run: the run is renewed, recorded and released, and the next is refused with 69" {
  "$CONDOLOCK" run --key k --lease 12s -- sh -c "redis-cli -s '$REDIS_DIR/redis.sock' CONFIG SET maxmemory 1 && sleep 5"
  run --separate-stderr "$CONDOLOCK" run --key k -- touch ran
  redis CONFIG SET maxmemory 0 >/dev/null
  [ "$status" -eq 69 ]
  [[ "$stderr" == *OOM* ]]
  [ ! -e ran ]
  [ "$(job k outcome)" = success ]
  expect_code 1 held k
}

@test "a server refuses one command of finish: 74, nothing of the run is recorded, and a repeated finish counts it once" {
  "$CONDOLOCK" run --key k --history 1 -- true
  local start
  for command in ltrim lpush zadd zremrangebyscore pexpire hdel; do
    "$CONDOLOCK" run --key k --record-timeout 1s -- redis-cli -s "$REDIS_DIR/redis.sock" ACL SETUSER default "-$command" \
      >/dev/null 2>error && return 1
    redis ACL SETUSER default "+$command" >/dev/null
    grep -q "not recorded" error
    [ "$(job k runs)" = 1 ]
    [ "$(redis LLEN '{condolock}:runs:k')" = 1 ]
    "$CONDOLOCK" unlock --now k
    "$CONDOLOCK" reset k --yes
    "$CONDOLOCK" run --key k --history 1 -- true
  done
}

@test "times ten years ahead count as now and are stored as now, and all commands say that the clock went back" {
  "$CONDOLOCK" run --key k -- true
  for field in ok_start ok_end ended; do ahead k "$field"; done
  for command in 'status k' list 'check --key k'; do
    run --separate-stderr "$CONDOLOCK" $command
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"the engine's clock went back"* ]] || { echo "$command: $stderr"; return 1; }
  done
  [ "$("$CONDOLOCK" status --json k 2>/dev/null | jq '.keys[0].clock_went_back_ms > 315300000000')" = true ]
  run --separate-stderr "$CONDOLOCK" run -v --key k --min-time 5m -- touch ran
  [ "$status" -eq 75 ]
  [[ "$stderr" == *'due in 5m'* || "$stderr" == *'due in 4m5'* ]]
  for field in ok_start ok_end ended; do is_now k "$field"; done
  for field in ok_start ok_end ended; do backdate k "$field" 300001; done
  "$CONDOLOCK" run --key k --min-time 5m -- touch ran
  [ -e ran ]
  run --separate-stderr "$CONDOLOCK" status k
  [ -z "$stderr" ]
}

@test "a condition on another key with times ahead: they are stored as now, and do not hold longer than the condition's time" {
  "$CONDOLOCK" touch other
  for field in ok_start ok_end ended; do ahead other "$field"; done
  "$CONDOLOCK" run --key k --accessed-prior other:300 -- true
  for field in ok_start ok_end ended; do is_now other "$field"; done
  for field in ok_start ok_end ended; do backdate other "$field" 300001; done
  expect_code 75 "$CONDOLOCK" run --key k --accessed-prior other:300 -- touch ran
}

@test "the lease of a holder that died while the clock was ten years ahead lasts no longer than its length" {
  "$CONDOLOCK" run --key k --lease 2s -- sleep 60 3>&- &
  wait_for held k
  put_down $!
  ahead k h_until
  expect_code 75 "$CONDOLOCK" run --key k -- true
  wait_for "$CONDOLOCK" run --key k -- true
}

@test "doctor says that the clock went back, with Redis and without a server, and writes nothing" {
  local url
  for url in "$CONDOLOCK_URL" "file:$PWD/state"; do
    export CONDOLOCK_URL=$url
    "$CONDOLOCK" touch k
    "$CONDOLOCK" doctor >before || [ $? -eq 1 ]
    grep -q 'no record has a time in the future (records read: 1)' before
    if [ -d state ]; then
      sqlite3 state/condolock.db "UPDATE entry SET fields = replace(CAST(fields AS TEXT), '5:ended13:1', '5:ended13:2')
        WHERE key = CAST('{condolock}:job:k' AS BLOB)"
    else
      ahead k ended
      redis EVAL 'return redis.sha1hex(table.concat(redis.call("HGETALL", KEYS[1])))' 1 '{condolock}:job:k' >hash
    fi
    run "$CONDOLOCK" doctor
    [ "$status" -eq 1 ]
    [[ "$output" == *"the engine's clock went back: records with a time in the future: 1 (records read: 1)"*'ahead, in k;'*NTP* ]]
    [ -d state ] || [ "$(redis EVAL 'return redis.sha1hex(table.concat(redis.call("HGETALL", KEYS[1])))' 1 '{condolock}:job:k')" = "$(cat hash)" ]
  done
}

@test "doctor looks at all records: it finds the one that is ahead among 3,000" {
  redis EVAL 'for i = 1, 3000 do redis.call("HSET", "{condolock}:job:k" .. i, "v", 1, "ended", 5, "outcome", "success")
    redis.call("ZADD", "{condolock}:index", i, "k" .. i) end' 0 >/dev/null
  ahead k3000 ended
  run "$CONDOLOCK" doctor
  [[ "$output" == *"records with a time in the future: 1 (records read: 3000)"*'ahead, in k3000;'* ]]
}
