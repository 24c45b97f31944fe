load helper

# --slots, --wait, --max-runs and --once with real processes. Each command of the tests keeps a marker while it runs, so that
# an overlap is seen by whoever else runs.

# overlaps MOST: a command that fails if more than MOST run at once, itself included, for 20 ms.
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

# So many sleep in the server.
held_by_another() { held K && [[ "$(job K h_who)" != "$1 "* ]]; }
skips() { [ "$(job "$1" skips)" = "$2" ]; }

@test "--slots: twenty at once, never more than three, and all three are used" {
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

@test "--wait: twenty at once, one after the other, each woken" {
  overlaps 1
  for i in $(seq 20); do "$CONDOLOCK" run --key K --wait 60 -- ./guarded 3>&- & done
  wait
  [ "$(wc -l <ran)" -eq 20 ]
  [ ! -e overlapped ]
  [ "$(job K runs)" = 20 ]
}

@test "--wait: two slots that are freed at once wake two, though one token is all there is" {
  mkfifo hold
  for i in 1 2; do "$CONDOLOCK" run --key K --slots 2 -- cat hold 3>&- & done
  wait_for slots_held 2
  exec 9>hold
  for i in 1 2; do
    # Each stays until both are there: one that is not woken keeps the other for ever.
    "$CONDOLOCK" run --key K --slots 2 --wait 60 -- sh -c "mkdir in-$i; until [ -e in-1 ] && [ -e in-2 ]; do [ -e . ] || exit; sleep 0.01; done" 3>&- 9>&- &
    wait_for blocked "$i"
  done
  began=$SECONDS
  exec 9>&-
  wait
  ((SECONDS - began < 10))
}
slots_held() { [ "$(redis HLEN '{condolock}:slots:K')" = "$1" ]; }

@test "--wait: says what it waits for, once, and gives up in time with the code of the last refusal" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  began=$(date +%s%3N)
  run --separate-stderr "$CONDOLOCK" run -v --key K --wait 0.5 --busy-code 7 -- true
  [ "$status" -eq 7 ]
  (($(date +%s%3N) - began >= 500 && $(date +%s%3N) - began < 3000))
  [ "${#stderr_lines[@]}" -eq 2 ]
  [[ "${stderr_lines[0]}" =~ ^'condolock: waiting for K: held by ' ]]
  [[ "${stderr_lines[1]}" =~ ^'condolock: skipped K: held by ' ]]
  [ "$(job K skips)" = 1 ]
  CONDOLOCK_WAIT=30 run "$CONDOLOCK" run -n --key K -- true
  [ "$status" -eq 75 ]
  CONDOLOCK_WAIT=0.1 run -75 "$CONDOLOCK" run -v --key K -- true
  [ "${#lines[@]}" -eq 2 ]
  : >hold
  wait
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" run -v --key K --wait 0.2 --busy-code 7 --min-time 1h -- true
  [ "$status" -eq 75 ]
  [[ "${lines[1]}" =~ 'skipped K: last success ' ]]
}

@test "--wait: a condition whose time comes, and one that another job makes true" {
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

@test "--wait: a pause that is lifted, a lease that is given up at once, and one that its holder lost" {
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

  # Nobody will push: the waiter wakes when the lease ends by itself.
  until=$(($(server_time) + 1500))
  redis HSET '{condolock}:job:K' h_token x h_until $until h_fence 9 h_start "$(server_time)" h_who '1 gone'
  run "$CONDOLOCK" run --key K --wait 60 -- touch three
  [ "$status" -eq 0 ]
  [ -e three ]
  [ "$(job K ok_start)" -ge "$until" ]
}

@test "--wait: a waiter that is killed takes nobody's turn with it" {
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 2 -- cat hold 3>&- &
  holder=$!
  wait_for held K
  waiters=()
  for i in $(seq 6); do
    "$CONDOLOCK" run --key K --lease 2 --wait 60 -- sh -c 'echo run >>ran' 3>&- &
    waiters+=($!)
    wait_for blocked "$i"
  done
  # One in the middle of the row, and the first: stopped, it is woken and granted the lease, and then it is killed. That lease
  # ends by itself.
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

@test "--wait: TERM ends it at once, with 143, and no grant is left behind" {
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
  # While it sleeps for a condition nothing is under way, and nothing to be given back.
  "$CONDOLOCK" run --key L --after K2 --wait forever -- touch ran 3>&- &
  waiter=$!
  wait_for skips L 1
  kill -TERM "$waiter"
  code=0
  wait "$waiter" || code=$?
  [ "$code" -eq 143 ]
}

@test "--wait: no spinning: a waiter of two seconds sends a handful of commands" {
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

@test "--wait: a connection that breaks, a change of the server's role, and a restart" {
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
  # In its place is one who hangs up on the first that comes, and then nobody.
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "other/s", Listen => 5) or die; $s->accept; open(R, ">came")' 3>&- &
  wait_for test -e came
  rm other/s
  start_redis "$BATS_TEST_TMPDIR/other/s" "$REDIS_DIR/other-pid" # it has forgotten everything
  wait "$waiter"
  [ -e ran ]
}

@test "--wait: a server that stays away: said at once, asked again until the wait is over, then --on-unreachable" {
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/no.sock"
  for policy in fail:69 skip:9 run:0; do
    began=$(date +%s%3N)
    code=0
    "$CONDOLOCK" run -E 9 --key K --wait 2 --redis-timeout 200ms --on-unreachable "${policy%:*}" -- true 2>said 3>&- &
    waiter=$!
    wait_for grep -q '^condolock: warning: K is waiting, and retries for another 2s: cannot connect to ' said
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
  ((SECONDS - began < 10))
  # Without --wait nothing of this is said, and two attempts are all.
  run -69 "$CONDOLOCK" run --key K -- true
  [[ "$output" == 'condolock: error: K was not run: cannot connect to '* ]]
}

# restart_other: a server on other/s, with its data where there are some.
restart_other() {
  rm -f other/s
  start_redis "$BATS_TEST_TMPDIR/other/s" "$REDIS_DIR/other-pid" --dbfilename other.rdb "$@"
}
redis_other() { redis-cli -s "$BATS_TEST_TMPDIR/other/s" "$@"; }
asleep() { [ "$(redis_other CLIENT LIST 2>/dev/null | grep -c ' flags=b')" -eq "$1" ]; }
all_said() { [ "$(cat said-* | grep -c "$1")" -eq 30 ]; }

@test "--wait: thirty waiters, a server that is away for six seconds and comes back with its data, then without" {
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
      ((i % 2)) || wait=2m
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

@test "--wait: thirty waiters and a server that is away for 0.2 and 3 seconds, or silent for as long: all run, and it gets no stampede" {
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
      # A waiter asks once and sleeps again; a second attempt may have come in vain.
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

@test "--wait: a server that is not ready for a while is waited for, and said so at once" {
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

@test "--wait: whatever is in the wake list, a waiter sends a few commands a second" {
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
  # A wake-up that is no longer in vain is prompt: a pause lasts a second at most.
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
  waiter=$!
  wait_for sh -c '[ "$(redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" skips)" -ge 2 ]'
  : >hold
  wait "$holder"
  wait "$waiter"
  [ -e ran ]
}

@test "--max-runs" {
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

@test "--once: twenty at once that wait, and one success" {
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
  run "$CONDOLOCK" run --key K --once v1.2 --wait forever -- true # that will not change
  [ "$status" -eq 75 ]
  ((SECONDS - began < 10))
  run -0 "$CONDOLOCK" run --key K --once v1.2 --force -- echo forced
  [ "$output" = forced ]
  run "$CONDOLOCK" check K --once v1.3
  [ "$status" -eq 0 ]
}

@test "--history: so many rows, or none" {
  for i in 1 2 3; do "$CONDOLOCK" run --key K --history 2 -- true; done
  [ "$(redis LLEN '{condolock}:runs:K')" = 2 ]
  "$CONDOLOCK" run --key K --history 0 -- true
  [ "$(redis EXISTS '{condolock}:runs:K')" = 0 ]
}

# $nested KEY OPTION...: in a guarded shell, a run of that key, which must not wait.
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
  # Through other runs, shells, sessions and environments.
  run "$CONDOLOCK" run n -- sh -c "$nested"' m -- setsid -w env -i PATH="$PATH" "$CONDOLOCK" run --url "$CONDOLOCK_URL" --key n --wait forever -- touch ran'
  refused_as_nested 75
  # Another number of slots, for which it would have to end as well.
  run "$CONDOLOCK" run --key n -- sh -c "$nested"' n --slots 2 --wait forever -- touch ran'
  refused_as_nested 75
  # Ancestors hold all slots.
  run "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested"' n --slots 2 -- sh -c "$1"' sh "$nested n --slots 2 --wait forever -- touch ran"
  refused_as_nested 75 "all 2 slots are held"
  # One slot is the ancestor's, and the other is free.
  run -0 "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested"' n --slots 2 --wait forever -- touch ran'
  [ -e ran ]
  rm ran
  # One slot is the ancestor's, and the other is not.
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
  # With several slots, not-running waits for each run, but after only for the next one that succeeds.
  run -75 "$CONDOLOCK" run --key n --slots 2 -- sh -c "$nested m --not-running n --wait forever -- touch ran"
  [ ! -e ran ]
  run -0 "$CONDOLOCK" run --key n --slots 2 -- sh -c '"$CONDOLOCK" run -v --key m --after n --wait forever -- touch ran 2>said & until grep -q waiting said; do sleep 0.01; done; "$CONDOLOCK" run --key n --slots 2 -- true; wait $!'
  [ -e ran ]
}

@test "with file: too, a run that waits for its own ancestor's lease is refused at once" {
  export CONDOLOCK_URL="file:$PWD/db"
  run "$CONDOLOCK" run --key n -- sh -c "$nested"' n --wait forever -- touch ran'
  refused_as_nested 75
}

@test "another namespace, server or key below a run is another job: it runs" {
  start_redis "$REDIS_DIR/other.sock" "$REDIS_DIR/other.pid"
  for options in '--namespace other' "--url unix://$REDIS_DIR/other.sock" "--url file:$PWD/db"; do
    run -0 "$CONDOLOCK" run --key n -- sh -c "$nested n $options --wait forever -- echo ran"
    [ "$output" = ran ]
  done
  run -0 "$CONDOLOCK" run --key n -- sh -c "$nested"' m --wait forever -- echo ran'
  [ "$output" = ran ]
}

@test "a holder elsewhere with an ancestor's number is waited for" {
  # This shell is above the run, and has the number. Its arguments don't have the key, or the host is another.
  for who in "$BASHPID $(hostname)" "$BASHPID elsewhere" "1 $(hostname)"; do
    redis DEL '{condolock}:job:n' >/dev/null
    redis HSET '{condolock}:job:n' v 1 fence 1 h_until $(($(server_time) + 300)) h_fence 1 h_start 1 h_token x h_who "${who:0:60}" >/dev/null
    run "$CONDOLOCK" run --key n --wait 1h -- echo ran
    [ "$status" -eq 0 ] || { echo "$who: $output"; return 1; }
  done
}
