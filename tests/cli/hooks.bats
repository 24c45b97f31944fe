#!/usr/bin/env bats
# --on-success, --on-failure: when a hook runs, which variables it gets, and what ends it. Also --signal.

load helper

# told NAME: the value of that variable of the last hook.
told() { sed -n "s/^CONDOLOCK_$1=//p" told; }
tell='env >told.new; mv told.new told'

@test "on-success runs after a success, with its variables" {
  run -0 "$CONDOLOCK" run --key K --on-success "$tell" --on-failure 'touch wrong' -- sh -c 'sleep 0.05'
  [ ! -e wrong ]
  [ "$(told OUTCOME)" = success ]
  [ "$(told EXIT_CODE)" = 0 ]
  [ "$(told KEY)" = K ]
  [ "$(told FENCE)" = "$(job K fence)" ]
  [ "$(told FAILURES)" = 0 ]
  [ "$(told DURATION_MS)" -ge 50 ]
  [ -n "$(told RUN_ID)" ]
  expect_code 1 grep -q ^CONDOLOCK_LAST_SUCCESS= told
}

@test "on-failure runs after each kind of failure, with the exit code that the caller sees and the failures in a row" {
  expect_code 3 "$CONDOLOCK" run --key K --on-success 'touch wrong' --on-failure "$tell" -- sh -c 'exit 3'
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FAILURES)" = 'failed 3 1' ]
  expect_code 143 "$CONDOLOCK" run --key K --on-failure "$tell" -- sh -c 'kill -TERM $$'
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FAILURES)" = 'failed 143 2' ]
  expect_code 124 "$CONDOLOCK" run --key K --timeout 50ms --on-failure "$tell" -- sleep 60
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FAILURES)" = 'timeout 124 3' ]
  "$CONDOLOCK" run --key K --lease 1s --on-failure "$tell" -- sleep 60 2>/dev/null &
  wait_for held K
  "$CONDOLOCK" unlock K
  expect_code 79 wait $!
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FAILURES)" = 'lost 79 4' ]
  "$CONDOLOCK" run --key K -- true
  expect_code 1 "$CONDOLOCK" run --key K --on-failure "$tell" -- false
  [ "$(told FAILURES)" = 1 ]
  [ ! -e wrong ]
}

@test "on-failure runs if the command was not started, without numbers of a run" {
  expect_code 127 "$CONDOLOCK" run --key K --on-failure "$tell" -- ./nothing 2>/dev/null
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FENCE)$(told FAILURES)$(told DURATION_MS)" = 'not_started 127 ' ]
  touch file
  expect_code 126 "$CONDOLOCK" run --key K --on-failure "$tell" -- ./file 2>/dev/null
  [ "$(told EXIT_CODE)" = 126 ]
  CONDOLOCK_URL=unix:///nobody.sock expect_code 69 "$CONDOLOCK" run --key K --on-failure "$tell" -- true 2>/dev/null
  [ "$(told OUTCOME) $(told EXIT_CODE)" = 'not_started 69' ]
}

@test "on-failure runs if a success could not be recorded" {
  expect_code 74 "$CONDOLOCK" run --key K --record-timeout 100ms --on-failure "$tell" --on-success 'touch wrong' -- \
    sh -c 'redis-cli -s "$REDIS_DIR/redis.sock" SET "{condolock}:runs:K" x >/dev/null' 2>/dev/null
  [ "$(told OUTCOME) $(told EXIT_CODE) $(told FAILURES)" = 'not_recorded 74 ' ]
  redis DEL '{condolock}:runs:K' >/dev/null
  expect_code 74 "$CONDOLOCK" run --key L --on-failure "$tell" -- \
    sh -c '"$CONDOLOCK" unlock --now L; "$CONDOLOCK" run --key L -- true' 2>/dev/null
  [ "$(told OUTCOME)" = not_recorded ]
  [ ! -e wrong ]
}

@test "no hook runs after a skip, or after a signal before the command started" {
  "$CONDOLOCK" touch K
  expect_code 75 "$CONDOLOCK" run --key K --min-time 5m --on-failure 'touch wrong' --on-success 'touch wrong' -- true
  "$CONDOLOCK" pause K
  expect_code 75 "$CONDOLOCK" run --key K --on-failure 'touch wrong' -- true
  CONDOLOCK_URL=unix:///nobody.sock expect_code 75 "$CONDOLOCK" run --key K --on-unreachable skip --on-failure 'touch wrong' -- true
  "$CONDOLOCK" run --key K --wait 60s --on-failure 'touch wrong' -- true &
  wait_for sh -c 'redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" waiters_until | grep -q .'
  kill -TERM $!
  expect_code 143 wait $!
  [ ! -e wrong ]
}

@test "a hook runs after the release and the record, on the caller's descriptors" {
  run -0 --separate-stderr "$CONDOLOCK" run --key K --on-success 'cat; "$CONDOLOCK" status --json K | jq -c ".keys[0] | [.holders, .last_run.outcome]"; echo said >&2' -- true <<<input
  [ "$output" = $'input\n[[],"success"]' ]
  [ "$stderr" = said ]
}

@test "a hook gets no password of condolock, and a run inside a hook none of the hook's variables" {
  mkdir -m 700 db
  redis CONFIG SET requirepass secret >/dev/null
  CONDOLOCK_PASSWORD=secret run "$CONDOLOCK" run --key K --on-success 'env; "$CONDOLOCK" run --url "file:$PWD/db" --key inner -- env' -- true
  redis --no-auth-warning -a secret CONFIG SET requirepass '' >/dev/null
  [ "$status" -eq 0 ]
  expect_code 1 grep -qw secret <<<"$output"
  [ "$(grep -c ^CONDOLOCK_OUTCOME= <<<"$output")" = 1 ]
  grep -qx CONDOLOCK_KEY=inner <<<"$output"
}

@test "a hook that fails gives a warning and does not change the exit code" {
  run --separate-stderr "$CONDOLOCK" run --key K --on-success 'exit 9' -- true
  [ "$status" -eq 0 ]
  [ "$stderr" = 'condolock: warning: the hook of K after success failed (exit code 9)' ]
  run --separate-stderr "$CONDOLOCK" run --key K --on-failure 'nosuchcommand 2>/dev/null' -- sh -c 'exit 5'
  [ "$status" -eq 5 ]
  [ "$stderr" = 'condolock: warning: the hook of K after failed failed (exit code 127)' ]
}

@test "TERM ends a hook and the processes that it started, and does not change the exit code" {
  for case in TERM:143 INT:130; do
    rm -f pid
    perl -e "$reset" "$CONDOLOCK" run --key K --on-success 'sleep 60 & echo $! >pid; wait' -- true 2>said & # which ignores INT
    wait_for test -s pid
    kill -"${case%:*}" $!
    expect_code 0 wait $!
    gone "$(cat pid)"
    grep -q "failed (exit code ${case#*:})" said
  done
}

@test "on a terminal, too, TERM ends a hook and the processes that it started, and KILL those that ignore it" {
  cat >hook <<'END'
setsid sh -c 'trap "" TERM; echo $$ >deaf; while :; do sleep 0.1; done' &
sh -c 'trap "touch told; exit" TERM; echo $$ >pid; while :; do sleep 0.1; done' &
wait
END
  script -qec "echo \$\$ >condolock; exec '$CONDOLOCK' run --key K --on-success 'sh hook' -- true" /dev/null </dev/null >said 3>&- &
  wait_for test -s pid
  wait_for test -s deaf
  kill -TERM "$(cat condolock)"
  expect_code 0 wait $!
  gone "$(cat pid)"
  gone "$(cat deaf)"
  [ -e told ]
  grep -q 'failed (exit code 143)' said
}

@test "the hook ends if condolock is killed" {
  "$CONDOLOCK" run --key K --on-success 'echo $$ >pid; trap "" TERM; while :; do sleep 0.1; done' -- true 2>/dev/null &
  wait_for test -s pid
  kill -KILL $!
  wait_for gone "$(cat pid)"
}

@test "an empty hook is refused before anything else happens" {
  run "$CONDOLOCK" run --key K --on-failure ' ' -- touch ran
  [ "$status" -eq 64 ]
  [ "${lines[0]}" = 'condolock: error: --on-failure: a hook must not be empty; see condolock run --help' ]
  [ ! -e ran ]
}

@test "--signal replaces TERM at --timeout, for what a failed command left, and if condolock is killed" {
  catch='trap "echo INT >got; exit 7" INT; : >ready; while :; do sleep 0.01; done'
  expect_code 124 "$CONDOLOCK" run --key K --signal INT --timeout 3s -- sh -c "$catch" 2>/dev/null
  [ "$(cat got)" = INT ]
  rm got ready
  expect_code 1 "$CONDOLOCK" run --key K -s SIGUSR1 -- sh -c 'perl -e "\$SIG{USR1} = sub { open F, q(>), q(got); print F q(USR1); exit }; open R, q(>), q(ready); 1 while sleep 1" & until [ -e ready ]; do sleep 0.01; done; exit 1'
  [ "$(cat got)" = USR1 ]
  # The command has half a second for its last words.
  for try in 1 2 3; do
    rm -f got ready
    "$CONDOLOCK" run --key K --lease 1s --wait 60 --signal 2 -- perl -e '$SIG{INT} = sub { open F, q(>), q(got); print F q(INT); exit }; open R, q(>), q(ready); close R; 1 while sleep 1' &
    wait_for test -e ready
    kill -KILL $!
    "$CONDOLOCK" run --key K --wait 60 -- true # so the first run has ended
    [ ! -s got ] || break
  done
  [ -s got ]
}

@test "--signal does not change a TERM from outside, which is passed on" {
  "$CONDOLOCK" run --key K --signal INT -- sh -c 'trap "echo TERM >got; exit 0" TERM; : >ready; while :; do sleep 0.01; done' &
  wait_for test -e ready
  kill -TERM $!
  expect_code 0 wait $!
  [ "$(cat got)" = TERM ]
}

@test "--signal refuses a signal that does not end a process, and a text that is no signal" {
  for bad in STOP CONT 19 0 -1 term TERMM ''; do
    run "$CONDOLOCK" run --key K --signal="$bad" -- touch ran
    [ "$status" -eq 64 ]
    [[ ${lines[0]} = "condolock: error: --signal: invalid signal '$bad': use TERM, "* ]]
  done
  [ ! -e ran ]
}
