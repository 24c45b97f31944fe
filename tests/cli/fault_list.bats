load helper

# Faults that take long, or need root: thousands of kills, system calls that hang, servers that crash or whose clock jumps.

# How often condolock or its keeper is killed, for each way.
kills=${CONDOLOCK_KILLS:-60}

# Nothing can end what waits for a frozen file system.
teardown() {
  thaw
  end_case
}

# ---- killed at any time

kill_often() { perl "$SOURCE_DIR/tests/support/kills.pl" "$kills" "$@"; }

@test "condolock is killed at any time: nobody of the run is alive a second later, nor when the lease can be taken" {
  kill_often KILL condolock
}

@test "condolock is stopped at any time: nobody of the run is alive when the lease can be taken" {
  kill_often STOP condolock
}

@test "the keeper is killed or stopped at any time: condolock ends the run" {
  kill_often KILL keeper
  kill_often STOP keeper
}

@test "condolock and the keeper are killed in the same instant: the command dies" {
  kill_often KILL both
}

# ---- stuck in a system call

# with_frozen COMMAND...: runs it where `mounted` is a file system of its own, which freeze and thaw work on.
with_frozen() {
  truncate -s 16M image
  mkfs.ext4 -q image
  mkdir -p mounted
  # shellcheck disable=SC2016  # for sh
  unshare --mount --propagation unchanged sh -c '{ mount --make-rprivate / 2>/dev/null || :; } && mount -o loop image mounted &&
    echo $$ >inside && exec "$@"' sh "$@"
}
freeze() { fsfreeze --freeze "/proc/$1/root$BATS_TEST_TMPDIR/mounted"; }
thaw() { [ ! -e inside ] || fsfreeze --unfreeze "/proc/$(cat inside)/root$BATS_TEST_TMPDIR/mounted" 2>/dev/null || :; }

is_stuck() { [ "$(ps -o state= -p "$1")" = D ]; }

# A command with a worker in another session; both ignore TERM.
deaf() {
  cat >deaf <<'EOF'
trap '' TERM
setsid -w sh -c 'echo $$ >>pids; while :; do sleep 0.05; done' &
echo $$ >>pids
while :; do sleep 0.05; done
EOF
}
both_run() { [ "$(wc -l 2>/dev/null <pids)" = 2 ]; }

# Whoever gets the lease looks whether anybody of the last run is alive.
nobody_is_left_when_the_lease_is_free() {
  timeout -s KILL 100 "$CONDOLOCK" run --key K --wait 60 -- sh -c 'while read -r pid; do [ ! -e /proc/$pid ] || grep -q "^State:.*Z" /proc/$pid/status || echo $pid; done <pids >alive'
  [ ! -s alive ] || { echo "alive: $(cat alive)"; return 1; }
}

@test "a frozen file system under standard error: the run is over before the next one starts" {
  deaf
  # shellcheck disable=SC2016  # for sh
  with_frozen sh -c 'exec "$CONDOLOCK" run -v --key K --lease 3s --timeout 3s -k 200ms -- sh deaf 2>mounted/err' 3>&- &
  wait_for both_run
  condolock=$(cat inside)
  freeze "$condolock"
  wait_for is_stuck "$condolock" # it says that the time is up
  nobody_is_left_when_the_lease_is_free
  is_stuck "$condolock"
  thaw
  code=0
  wait $! || code=$?
  [[ $code -eq 124 || $code -eq 79 ]]
}

@test "a frozen file system under the report: the run is over before the next one starts" {
  deaf
  # shellcheck disable=SC2016  # for sh
  with_frozen sh -c 'exec "$CONDOLOCK" run --key K --lease 3s --report-fd 7 -- sh deaf 7>mounted/report' 3>&- &
  wait_for both_run
  condolock=$(cat inside)
  freeze "$condolock"
  wait_for is_stuck "$condolock" # it reports a renewal
  nobody_is_left_when_the_lease_is_free
  is_stuck "$condolock"
  thaw
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
}

@test "a frozen file system under the command's own files: what can't be killed holds up nobody but itself, and dies later" {
  # shellcheck disable=SC2016  # for sh
  with_frozen sh -c 'exec "$CONDOLOCK" run --key K --timeout 3s -k 200ms -- sh -c "echo \$\$ >pid; while [ ! -e go ]; do sleep 0.01; done; echo stuck >mounted/file; touch survived"' 3>&- &
  wait_for test -s pid
  condolock=$(cat inside)
  freeze "$condolock"
  touch go
  wait_for is_stuck "$(cat pid)"
  # KILL has been sent, and waits.
  wait_for grep -qE '^S(ig|hd)Pnd:.*[13579bdf]..$' "/proc/$(cat pid)/status"
  # The lease is held while it lives.
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  is_stuck "$(cat pid)"
  thaw
  code=0
  wait $! || code=$?
  [ "$code" -eq 124 ]
  gone "$(cat pid)"
  [ ! -e survived ]
  [ ! -e second ]
}

# hold_exec: a copy of touch whose execution hangs until there is a file `go`.
hold_exec() {
  rm -f slow go asked asked.ready
  cp "$(command -v touch)" slow
  perl "$SOURCE_DIR/tests/support/hold_exec.pl" slow asked go 3>&- &
  holder=$!
  wait_for test -e asked.ready
}

@test "an exec that hangs: whatever comes to condolock, the command has not run when the lease can be taken, nor after" {
  for signal in none TERM STOP KILL; do
    hold_exec
    perl -e "$reset" "$CONDOLOCK" run --key K --lease 2s -- ./slow ran 2>err 3>&- &
    condolock=$!
    wait_for test -s asked
    case $signal in
      none) # held for as long as condolock lives
        sleep 3
        expect_code 75 "$CONDOLOCK" run --key K -- true
        expect_code 1 gone "$condolock"
        kill -TERM "$condolock"
        ;;
      *) kill -"$signal" "$condolock" ;;
    esac
    cp asked pids
    nobody_is_left_when_the_lease_is_free
    case $signal in
      none | TERM)
        code=0
        wait "$condolock" || code=$?
        [ "$code" -eq 143 ] || { echo "$signal: $code"; return 1; }
        ;;
      STOP) kill -CONT "$condolock" ;;
    esac
    touch go
    wait "$condolock" || :
    put_down "$holder"
    [ ! -e ran ] || { echo "$signal: it ran"; return 1; }
  done
}

@test "an exec that hangs for a while: the command runs under its lease" {
  hold_exec
  "$CONDOLOCK" run --key K --lease 3s -- ./slow ran 3>&- &
  condolock=$!
  wait_for test -s asked
  sleep 4
  touch go
  wait "$condolock"
  [ -e ran ]
  [ "$(job K outcome)" = success ]
  put_down "$holder"
}

# ---- a server that crashes

crashing() { redis-cli -s "$REDIS_DIR/crashing.sock" "$@"; }
# start_crashing [OPTION...]: its data are those that it had, if it keeps any.
start_crashing() {
  rm -f "$REDIS_DIR/crashing.sock"
  start_redis "$REDIS_DIR/crashing.sock" "$REDIS_DIR/crashing.pid" "$@"
  export CONDOLOCK_URL="unix://$REDIS_DIR/crashing.sock"
}
crash() { put_down "$(cat "$REDIS_DIR/crashing.pid")"; }
with_log=(--appendonly yes --appendfsync always)
answers() { crashing PING | grep -q PONG; }

@test "Redis with an AOF is killed at each step of a run: nothing that was acknowledged is lost" {
  start_crashing "${with_log[@]}"
  "$CONDOLOCK" run --key K -- true
  fence=$(crashing HGET '{condolock}:job:K' fence)
  # After the grant: the lease is still held.
  "$CONDOLOCK" run --key K --lease 60s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done' 3>&- &
  condolock=$!
  wait_for test -e began
  crash
  start_crashing "${with_log[@]}"
  wait_for answers
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  # While the end is recorded: it is recorded once.
  crash
  touch stop
  sleep 0.3
  start_crashing "${with_log[@]}"
  wait "$condolock"
  [ "$(crashing HGET '{condolock}:job:K' runs)" = 2 ]
  # After that: it stays so.
  crash
  start_crashing "${with_log[@]}"
  wait_for answers
  [ "$(crashing HGET '{condolock}:job:K' runs)" = 2 ]
  [ "$(crashing HGET '{condolock}:job:K' outcome)" = success ]
  [ "$(crashing HGET '{condolock}:job:K' fence)" -gt "$fence" ]
  [ ! -e second ]

  # At any moment.
  for i in $(seq 20); do
    "$CONDOLOCK" run --key K --wait 60 --redis-timeout 2s -- sh -c 'echo $CONDOLOCK_FENCE >>fences; sleep 0.02' 2>>said 3>&- &
    condolock=$!
    perl -e 'select undef, undef, undef, rand 0.06'
    crash
    start_crashing "${with_log[@]}"
    wait "$condolock" # so its success is recorded
    wait_for answers
    [ "$(crashing HGET '{condolock}:job:K' runs)" = $((2 + i)) ]
    [ "$(crashing HGET '{condolock}:job:K' fence)" = "$(tail -n 1 fences)" ]
  done
  sort -n -u fences | cmp - fences
  crash
}

@test "Redis without a log is killed in mid-run: the lease is taken again, and the fence still grows" {
  start_crashing
  "$CONDOLOCK" run --key K --lease 3s -- sh -c 'echo "$CONDOLOCK_FENCE" >first; until [ -e stop ]; do sleep 0.01; done' 2>said 3>&- &
  condolock=$!
  wait_for test -s first
  crash
  start_crashing
  wait_for grep -q 'Redis had lost the lease of K' said
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  touch stop
  wait "$condolock"
  [ "$(crashing HGET '{condolock}:job:K' fence)" = "$(cat first)" ]
  crash
  start_crashing
  "$CONDOLOCK" run --key K -- sh -c 'echo "$CONDOLOCK_FENCE" >next'
  (($(cat next) > $(cat first)))
  [ ! -e second ]
  crash
}
