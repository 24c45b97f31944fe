load helper

# --slots, --wait, --max-runs and --once with real processes. Each command of the tests keeps a marker while it runs, so that
# other runs see an overlap.

# overlaps MOST: writes `guarded`, a command that runs for 20 ms and notes an overlap if more than MOST run at once, itself
# included.
overlaps() {
  cat >guarded <<END
#!/bin/sh
mkdir in/\$\$ && sleep 0.02
[ \$(ls in | wc -l) -le $1 ] || echo overlap >>overlapped
rmdir in/\$\$
echo run >>ran
END
  chmod +x guarded
  mkdir -p in
}

# held_by_another PID: whether another process than that one holds K.
held_by_another() { held K && [[ "$(job K h_who)" != "$1 "* ]]; }
skips() { [ "$(job "$1" skips)" = "$2" ]; }

@test "--slots: of twenty at once never more than three run, and all three slots are used" {
  mkfifo hold
  for i in 1 2 3; do "$CONDOLOCK" run --key K --slots 3 -- sh -c ': >at'$i'; read -r _ <hold' 3>&- & done
  wait_for test -e at1 -a -e at2 -a -e at3
  [ "$(redis HLEN '{condolock}:slots:K')" = 3 ]
  run -0 "$CONDOLOCK" status --json K
  [ "$(jq -c '.keys[0] | [(.holders | length), .slots, ([.holders[].fence] | unique | length)]' <<<"$output")" = '[3,3,3]' ]
  run "$CONDOLOCK" run -v --key K --slots 3 -- true
  [ "$status" -eq 75 ]
  [[ "$output" =~ ^'condolock: skipped K: all 3 slots are held by '.*', and by others'$ ]]
  run "$CONDOLOCK" run -v --key K --busy-code 7 -- true
  [ "$status" -eq 7 ]
  [[ "$output" =~ ' with --slots 3, but this run has --slots 1'$ ]]
  run "$CONDOLOCK" check K --slots 3
  [ "$status" -eq 75 ]
  [[ "$output" =~ 'all 3 slots are held by ' ]]
  run "$CONDOLOCK" check K
  [ "$status" -eq 75 ]
  [[ "$output" =~ ' with --slots 3, but this run has --slots 1 (ends in ' ]]
  for i in 1 2 3; do echo; done >hold
  wait
  [ "$(redis EXISTS '{condolock}:slots:K')" = 0 ]
  overlaps 3
  for i in $(seq 20); do "$CONDOLOCK" run --key K --slots 3 --wait 60 -- ./guarded 3>&- & done
  wait
  [ "$(wc -l <ran)" -eq 20 ]
  [ ! -e overlapped ]
  [ "$(job K runs)" = 23 ]
  [ "$(job K failures)" = '' ]
}

@test "--wait: twenty at once run one after the other, each after a wake-up" {
  overlaps 1
  for i in $(seq 20); do "$CONDOLOCK" run --key K --wait 60 -- ./guarded 3>&- & done
  wait
  [ "$(wc -l <ran)" -eq 20 ]
  [ ! -e overlapped ]
  [ "$(job K runs)" = 20 ]
}

@test "--wait: two slots that are freed at once wake two waiters, although there is only one wake-up" {
  mkfifo hold
  for i in 1 2; do "$CONDOLOCK" run --key K --slots 2 -- cat hold 3>&- & done
  wait_for slots_held 2
  exec 9>hold
  for i in 1 2; do
    # Each stays until both are there: if only one were woken, it would wait for the other forever.
    "$CONDOLOCK" run --key K --slots 2 --wait 60 -- sh -c "mkdir in-$i; until [ -e in-1 ] && [ -e in-2 ]; do [ -e . ] || exit; sleep 0.01; done" 3>&- 9>&- &
    wait_for blocked "$i"
  done
  began=$SECONDS
  exec 9>&-
  wait
  ((SECONDS - began < 25)) # one that was not woken sleeps for 30 s
}
slots_held() { [ "$(redis HLEN '{condolock}:slots:K')" = "$1" ]; }

@test "--wait says once what it waits for, and gives up in time with the code of the last refusal" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  began=$(date +%s%3N)
  run --separate-stderr "$CONDOLOCK" run -v --key K --wait 2 --busy-code 7 -- true
  [ "$status" -eq 7 ]
  (($(date +%s%3N) - began >= 2000 && $(date +%s%3N) - began < 20000))
  [ "${#stderr_lines[@]}" -eq 2 ]
  [[ "${stderr_lines[0]}" =~ ^'condolock: waiting for K: held by ' ]]
  [[ "${stderr_lines[1]}" =~ ^'condolock: skipped K: held by ' ]]
  [ "$(job K skips)" = 1 ]
  CONDOLOCK_WAIT=30 run "$CONDOLOCK" run -n --key K -- true
  [ "$status" -eq 75 ]
  CONDOLOCK_WAIT=2 run -75 "$CONDOLOCK" run -v --key K -- true
  [ "${#lines[@]}" -eq 2 ]
  : >hold
  wait
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" run -v --key K --wait 2 --busy-code 7 --min-time 1h -- true
  [ "$status" -eq 75 ]
  [[ "${lines[1]}" =~ 'skipped K: last success ' ]]
}

@test "--wait ends when a condition's time comes, or when another job makes it true" {
  "$CONDOLOCK" touch K
  backdate K ok_end 9000
  backdate K ended 9000
  last=$(job K ok_end)
  "$CONDOLOCK" run --key K --min-time 9.5 --wait 20 -- true
  [ $(($(job K ok_start) - last)) -ge 9500 ]
  "$CONDOLOCK" run --key L --accessed-prior other:60 --wait 20 -- touch ran 3>&- &
  waiter=$!
  wait_for skips L 1
  "$CONDOLOCK" touch other
  wait "$waiter"
  [ -e ran ]
}

@test "--wait ends when a pause is lifted, a lease is released at once, or a holder lost its lease" {
  "$CONDOLOCK" pause K
  "$CONDOLOCK" run --key K --wait 60 -- touch one 3>&- &
  waiter=$!
  wait_for blocked 1
  "$CONDOLOCK" resume K
  wait "$waiter"
  [ -e one ]

  redis HSET '{condolock}:job:K' h_token x h_until $(($(server_time) + 60000)) h_fence 9 h_start "$(server_time)" h_who '1 gone'
  "$CONDOLOCK" run --key K --wait 60 -- touch two 3>&- &
  waiter=$!
  wait_for blocked 1
  "$CONDOLOCK" unlock -q --now K
  wait "$waiter"
  [ -e two ]

  # No wake-up comes: the waiter wakes when the lease ends by itself.
  until=$(($(server_time) + 1500))
  redis HSET '{condolock}:job:K' h_token x h_until $until h_fence 9 h_start "$(server_time)" h_who '1 gone'
  run "$CONDOLOCK" run --key K --wait 60 -- touch three
  [ "$status" -eq 0 ]
  [ -e three ]
  [ "$(job K ok_start)" -ge "$until" ]
}

@test "--wait: a waiter that is killed costs no other waiter its turn" {
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 60 -- cat hold 3>&- &
  holder=$!
  wait_for held K
  waiters=()
  for i in $(seq 6); do
    lease=60
    ((i > 1)) || lease=2 # this one is killed while it holds it
    "$CONDOLOCK" run --key K --lease $lease --wait 5m -- sh -c 'echo run >>ran' 3>&- &
    waiters+=($!)
    wait_for blocked "$i"
  done
  # Kills one in the middle of the row, and the first. The first is stopped before, is woken and granted the lease, and then
  # killed. That lease ends by itself.
  kill -STOP "${waiters[0]}"
  kill -KILL "${waiters[3]}"
  : >hold
  wait "$holder"
  wait_for held_by_another "$holder"
  kill -KILL "${waiters[0]}"
  for i in 1 2 4 5; do wait "${waiters[i]}"; done
  [ "$(wc -l <ran)" -eq 4 ]
  [ "$(job K failures)" = 1 ]
}

@test "--wait: TERM ends it at once with 143, and no lease is left" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  holder=$!
  wait_for held K
  "$CONDOLOCK" run --key K --wait forever -- touch ran 3>&- &
  waiter=$!
  wait_for blocked 1
  kill -TERM "$waiter"
  code=0
  wait "$waiter" || code=$?
  [ "$code" -eq 143 ]
  [ "$(redis ZCARD '{condolock}:retired:K')" = 1 ]
  : >hold
  wait "$holder"
  [ ! -e ran ]
  [ "$(job K h_token)" = '' ]
  # While it sleeps for a condition, no request is under way, and there is no lease to release.
  "$CONDOLOCK" run --key L --after K2 --wait forever -- touch ran 3>&- &
  waiter=$!
  wait_for skips L 1
  kill -TERM "$waiter"
  code=0
  wait "$waiter" || code=$?
  [ "$code" -eq 143 ]
}

@test "--wait: a waiter of two seconds sends only a handful of commands" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  redis CONFIG RESETSTAT >/dev/null
  run "$CONDOLOCK" run --key K --wait 2 -- true
  [ "$status" -eq 75 ]
  calls=$(redis INFO commandstats | sed -nE 's/^cmdstat_(blpop|evalsha|eval):calls=([0-9]+).*/\2/p' | awk '{ sum += $1 } END { print sum }')
  [ "$calls" -le 5 ]
  : >hold
  wait
}

@test "--wait survives a broken connection, a change of the server's role, and a restart" {
  mkdir other
  redis_other() { redis-cli -s "$BATS_TEST_TMPDIR/other/s" "$@"; }
  sleeps() { redis_other CLIENT LIST | grep -q ' flags=b'; }
  start_redis "$BATS_TEST_TMPDIR/other/s" "$REDIS_DIR/other-pid"
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/other/s"
  redis_other HSET '{condolock}:job:K' v 1 h_token x h_until 9999999999999 h_fence 9 h_start 1 h_who '1 gone' >/dev/null
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
  waiter=$!
  wait_for sleeps
  [ "$(redis_other CLIENT KILL TYPE normal SKIPME yes)" = 1 ]
  wait_for sleeps
  [ "$(redis_other CLIENT UNBLOCK "$(redis_other CLIENT LIST | sed -n 's/^id=\([0-9]*\) .* flags=b.*/\1/p')" ERROR)" = 1 ]
  wait_for sleeps
  redis_other REPLICAOF 127.0.0.1 1
  was_refused() { redis_other INFO errorstats | grep -q '^errorstat_READONLY:'; }
  wait_for was_refused
  redis_other REPLICAOF NO ONE
  wait_for sleeps
  put_down "$(cat "$REDIS_DIR/other-pid")"
  rm other/s
  # A server takes its place that closes the first connection, and then none listens.
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "other/s", Listen => 5) or die; $s->accept; open(R, ">came")' 3>&- &
  wait_for test -e came
  rm other/s
  start_redis "$BATS_TEST_TMPDIR/other/s" "$REDIS_DIR/other-pid" # it has lost its data
  wait "$waiter"
  [ -e ran ]
}

@test "--wait: an absent server is reported at once and asked again until the wait is over, then --on-unreachable applies" {
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/no.sock"
  for policy in fail:69 skip:9 run:0; do
    began=$(date +%s%3N)
    code=0
    "$CONDOLOCK" run -E 9 --key K --wait 2 --redis-timeout 200ms --on-unreachable "${policy%:*}" -- true 2>said 3>&- &
    waiter=$!
    wait_for grep -q '^condolock: warning: K is waiting, and retries for another [0-9.]*s: cannot connect to ' said
    wait "$waiter" || code=$?
    [ "$code" -eq "${policy#*:}" ]
    (($(date +%s%3N) - began >= 2000))
    [ "$(grep -c 'and retries' said)" -eq 1 ]
  done
  # A signal ends the wait at once.
  "$CONDOLOCK" run --key K --wait forever -- true 2>said 3>&- &
  waiter=$!
  wait_for grep -q '^condolock: warning: K is waiting, and retries without limit: cannot connect to ' said
  began=$SECONDS
  kill -TERM "$waiter"
  code=0
  wait "$waiter" || code=$?
  [ "$code" -eq 143 ]
  ((SECONDS - began < 25)) # one that was not woken sleeps for 30 s
  # Without --wait there is no such message, and only two attempts.
  run -69 "$CONDOLOCK" run --key K -- true
  [[ "$output" == 'condolock: error: K was not run: cannot connect to '* ]]
}

# restart_other: starts a server on other/s, with its saved data if there is any.
restart_other() {
  rm -f other/s
  start_redis "$BATS_TEST_TMPDIR/other/s" "$REDIS_DIR/other-pid" --dbfilename other.rdb "$@"
}
redis_other() { redis-cli -s "$BATS_TEST_TMPDIR/other/s" "$@"; }
asleep() { [ "$(redis_other CLIENT LIST 2>/dev/null | grep -c ' flags=b')" -eq "$1" ]; }
all_said() { [ "$(cat said-* | grep -c "$1")" -eq 30 ]; }

@test "--wait: thirty waiters survive a server that is down for six seconds, and comes back with its data or without" {
  mkdir other
  overlaps 1
  for data in kept lost; do
    rm -f "$REDIS_DIR/other.rdb"
    restart_other
    export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/other/s"
    rm -f said-* ran
    redis_other HSET '{condolock}:job:K' v 1 h_token x h_until 9999999999999 h_fence 9 h_start 1 h_who '1 gone' >/dev/null
    waiters=()
    for i in $(seq 30); do
      wait=forever
      ((i % 2)) || wait=10m
      "$CONDOLOCK" run --key K --wait "$wait" --redis-timeout 2s -- ./guarded 2>"said-$i" 3>&- &
      waiters+=($!)
    done
    wait_for asleep 30
    [ $data = lost ] || redis_other SAVE >/dev/null
    put_down "$(cat "$REDIS_DIR/other-pid")"
    sleep 6
    for pid in "${waiters[@]}"; do kill -0 "$pid"; done
    wait_for all_said 'is waiting, and retries'
    restart_other
    if [ $data = kept ]; then
      wait_for asleep 30
      "$CONDOLOCK" unlock -q --now K
    fi
    for pid in "${waiters[@]}"; do wait "$pid"; done
    [ "$(wc -l <ran)" -eq 30 ]
    [ ! -e overlapped ]
    [ "$(redis_other HGET '{condolock}:job:K' runs)" -ge 30 ]
    [ "$(cat said-* | wc -l)" -eq 30 ]
    put_down "$(cat "$REDIS_DIR/other-pid")"
  done
}

@test "--wait: thirty waiters and a server that is down or silent for 0.2 and 3 seconds: all run, without a stampede" {
  mkdir other
  overlaps 1
  calls() { redis_other INFO commandstats | sed -nE 's/^cmdstat_(blpop|evalsha|eval):calls=([0-9]+).*/\2/p' | awk '{ sum += $1 } END { print sum + 0 }'; }
  for away in 0.2 3; do
    for how in down silent; do
      rm -f "$REDIS_DIR/other.rdb" ran
      restart_other
      export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/other/s"
      redis_other HSET '{condolock}:job:K' v 1 h_token x h_until 9999999999999 h_fence 9 h_start 1 h_who '1 gone' >/dev/null
      waiters=()
      for i in $(seq 30); do
        "$CONDOLOCK" run --key K --wait 5m --redis-timeout 2s -- ./guarded 2>"said-$i" 3>&- &
        waiters+=($!)
      done
      wait_for asleep 30
      if [ $how = down ]; then
        redis_other SAVE >/dev/null
        put_down "$(cat "$REDIS_DIR/other-pid")"
        sleep "$away"
        restart_other
      else
        kill -STOP "$(cat "$REDIS_DIR/other-pid")"
        sleep "$away"
        redis_other CONFIG RESETSTAT >/dev/null &
        kill -CONT "$(cat "$REDIS_DIR/other-pid")"
        wait $!
      fi
      wait_for asleep 30
      # A waiter asks once and sleeps again; a second attempt may have been in vain.
      asked=$(calls)
      ((asked <= 30 * 6)) || { echo "$how for $away s: $asked calls"; return 1; }
      "$CONDOLOCK" unlock -q --now K
      for pid in "${waiters[@]}"; do wait "$pid"; done
      [ "$(wc -l <ran)" -eq 30 ]
      [ ! -e overlapped ]
      put_down "$(cat "$REDIS_DIR/other-pid")"
    done
  done
}

@test "--wait: a server that is not ready is reported at once and waited for" {
  mkdir other
  restart_other --replicaof 127.0.0.1 1 --replica-serve-stale-data no
  "$CONDOLOCK" run --url "unix://$BATS_TEST_TMPDIR/other/s" --key K --wait forever --redis-timeout 60s -- touch ran 2>said 3>&- &
  waiter=$!
  wait_for grep -q '^condolock: warning: K is waiting, and retries without limit: .*MASTERDOWN' said
  redis_other REPLICAOF NO ONE
  wait "$waiter"
  [ -e ran ]
  put_down "$(cat "$REDIS_DIR/other-pid")"
}

@test "--wait: a waiter sends only a few commands a second, whatever is in the wake list" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  holder=$!
  wait_for held K
  redis EVAL 'for i = 1, 300000, 1000 do redis.call("RPUSH", KEYS[1], unpack(ARGV)) end' 1 '{condolock}:wake:K' $(seq 1000)
  [ "$(redis LLEN '{condolock}:wake:K')" = 300000 ]
  redis CONFIG RESETSTAT >/dev/null
  run -75 "$CONDOLOCK" run --key K --wait 3 -- true
  calls=$(redis INFO commandstats | sed -nE 's/^cmdstat_(blpop|evalsha|eval):calls=([0-9]+).*/\2/p' | awk '{ sum += $1 } END { print sum }')
  [ "$calls" -ge 4 ]
  [ "$calls" -le 100 ]
  # The next useful wake-up is prompt: a pause lasts a second at most.
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
  waiter=$!
  wait_for sh -c '[ "$(redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" skips)" -ge 2 ]'
  : >hold
  wait "$holder"
  wait "$waiter"
  [ -e ran ]
}

@test "--max-runs limits the runs that start within its time" {
  for i in 1 2; do "$CONDOLOCK" run --key K --max-runs 2/1h -- true; done
  run "$CONDOLOCK" run -v --key K --max-runs 2/1h -- true
  [ "$status" -eq 75 ]
  [[ "$output" =~ ^'condolock: skipped K: 2 runs began in the last 1h, the first one '.*' ago (due in '[0-9a-z]+')'$ ]]
  run -0 "$CONDOLOCK" run --key K --max-runs 2/1h --force -- echo forced
  [ "$output" = forced ]
  [ "$(redis LLEN '{condolock}:starts:K')" = 3 ]
  run -127 "$CONDOLOCK" run --key L --max-runs 1/1h -- ./no-such-command
  run -0 "$CONDOLOCK" run --key L --max-runs 1/1h -- echo 'was given back'
  [ "$output" = 'was given back' ]
}

@test "--once: of twenty waiters at once, one succeeds" {
  # The first two fail.
  cat >job <<'END'
#!/bin/sh
echo run >>ran
[ "$(wc -l <ran)" -ge 3 ]
END
  chmod +x job
  for i in $(seq 20); do "$CONDOLOCK" run --key K --once v1.2 --wait 60 -- ./job 3>&- & done
  wait
  [ "$(wc -l <ran)" -eq 3 ]
  [ "$(redis ZRANGE '{condolock}:once:K' 0 -1)" = v1.2 ]
  run "$CONDOLOCK" run -v --key K --once v1.2 -- true
  [ "$status" -eq 75 ]
  [[ "$output" =~ 'skipped K: a run with the ID v1.2 succeeded '.*' ago'$ ]]
  began=$SECONDS
  run "$CONDOLOCK" run --key K --once v1.2 --wait forever -- true # waiting cannot change that
  [ "$status" -eq 75 ]
  ((SECONDS - began < 25)) # one that was not woken sleeps for 30 s
  run -0 "$CONDOLOCK" run --key K --once v1.2 --force -- echo forced
  [ "$output" = forced ]
  run "$CONDOLOCK" check K --once v1.3
  [ "$status" -eq 0 ]
}

@test "--history keeps this many rows, or none" {
  for i in 1 2 3; do "$CONDOLOCK" run --key K --history 2 -- true; done
  [ "$(redis LLEN '{condolock}:runs:K')" = 2 ]
  "$CONDOLOCK" run --key K --history 0 -- true
  [ "$(redis EXISTS '{condolock}:runs:K')" = 0 ]
}

# $nested KEY OPTION...: inside a guarded shell, a run of that key that must not wait.
nested='n() { timeout -s KILL 20 "$CONDOLOCK" run --key "$@"; }; n'

refused_as_nested() { # CODE [HELD]
  [ "$status" -eq "$1" ] || { echo "$status: $output"; return 1; }
  [[ "$output" =~ 'condolock: error: n was not run: a wait would never end, since an ancestor of this process holds its lease: '"${2-held}"' by '.*' (pid '[0-9]+') for ' ]]
  [ ! -e ran ]
}

@test "a run that waits for its own ancestor's lease is refused at once" {
  for wait in forever 1h; do
    run "$CONDOLOCK" run --key n -- sh -c "$nested"' n --wait "$1" -- touch ran' sh "$wait"
    refused_as_nested 75
  done
  run "$CONDOLOCK" run -q --key=n -- sh -c "$nested"' n -q --busy-code 9 -E 8 --force --wait forever -- touch ran'
  refused_as_nested 9
  # The ancestor is above other runs, shells, sessions and environments.
  run "$CONDOLOCK" run n -- sh -c "$nested"' m -- setsid -w env -i PATH="$PATH" "$CONDOLOCK" run --url "$CONDOLOCK_URL" --key n --wait forever -- touch ran'
  refused_as_nested 75
  # Another number of slots: the ancestor would have to end, too.
  run "$CONDOLOCK" run --key n -- sh -c "$nested"' n --slots 2 --wait forever -- touch ran'
  refused_as_nested 75
  # The ancestors hold all slots.
  run "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested"' n --slots 2 -- sh -c "$1"' sh "$nested n --slots 2 --wait forever -- touch ran"
  refused_as_nested 75 "all 2 slots are held"
  # The ancestor holds one slot, and the other is free.
  run -0 "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested"' n --slots 2 --wait forever -- touch ran'
  [ -e ran ]
  rm ran
  # The ancestor holds one slot, and another run holds the other.
  run -0 "$CONDOLOCK" run --key n --slots 2 -- sh -c '"$CONDOLOCK" run --key n --slots 2 -- sh -c ": >go; sleep 1" & until [ -e go ]; do sleep 0.02; done; "$CONDOLOCK" run --key n --slots 2 --wait forever -- touch ran'
  [ -e ran ]
}

@test "a run whose condition holds only after its own ancestor's end is refused at once" {
  for condition in '--not-running n' '--after n' '--accessed-prior n:1ms'; do
    run "$CONDOLOCK" run --key n -- sh -c "$nested m $condition --wait forever -- touch ran"
    [ "$status" -eq 75 ] || { echo "$condition: $status: $output"; return 1; }
    [[ "$output" =~ 'condolock: error: m was not run: a wait would never end, since the run to wait for is an ancestor of this process: '.*n' '(has|failed)' ' ]]
    [ ! -e ran ]
  done
  # With several slots, not-running waits for each run, but after waits only for the next success.
  run -75 "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested m --not-running n --wait forever -- touch ran"
  [ ! -e ran ]
  run -0 "$CONDOLOCK" run --key n --slots 2 -- sh -c '"$CONDOLOCK" run -v --key m --after n --wait forever -- touch ran 2>said & until grep -q waiting said; do sleep 0.01; done; "$CONDOLOCK" run --key n --slots 2 -- true; wait $!'
  [ -e ran ]
}

@test "with file:, a run that waits for its own ancestor's lease is also refused at once" {
  export CONDOLOCK_URL="file:$PWD/db"
  run "$CONDOLOCK" run --key n -- sh -c "$nested"' n --wait forever -- touch ran'
  refused_as_nested 75
}

@test "a run inside a run may use another namespace, server or key" {
  start_redis "$REDIS_DIR/other.sock" "$REDIS_DIR/other.pid"
  for options in '--namespace other' "--url unix://$REDIS_DIR/other.sock" "--url file:$PWD/db"; do
    run -0 "$CONDOLOCK" run --key n -- sh -c "$nested n $options --wait forever -- echo ran"
    [ "$output" = ran ]
  done
  run -0 "$CONDOLOCK" run --key n -- sh -c "$nested"' m --wait forever -- echo ran'
  [ "$output" = ran ]
}

@test "a holder elsewhere that has an ancestor's process ID is waited for" {
  # This shell is an ancestor with that process ID. But its arguments do not have the key, or the host is another one.
  for who in "$BASHPID $(this_host)" "$BASHPID elsewhere" "1 $(this_host)"; do
    redis DEL '{condolock}:job:n' >/dev/null
    redis HSET '{condolock}:job:n' v 1 fence 1 h_until $(($(server_time) + 300)) h_fence 1 h_start 1 h_token x h_who "${who:0:60}" >/dev/null
    run "$CONDOLOCK" run --key n --wait 1h -- echo ran
    [ "$status" -eq 0 ] || { echo "$who: $output"; return 1; }
  done
}
