load helper

# Faults that take long or need root: thousands of kills, system calls that hang, servers that crash, clocks that jump.

# How often each test kills condolock or its keeper.
kills=${CONDOLOCK_KILLS:-60}

# No signal ends a process that waits for a frozen file system: thaw it.
teardown() {
  thaw
  end_case
}

# ---- killed at any time

kill_often() { perl "$SOURCE_DIR/tests/support/kills.pl" "$kills" "$@"; }

@test "condolock is killed at any time: no process of the run lives a second later, or when the lease can be taken" {
  kill_often KILL condolock
}

@test "condolock is stopped at any time: no process of the run lives when the lease can be taken" {
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

# with_frozen COMMAND...: runs it with a file system of its own in `mounted`, for freeze and thaw.
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

# A command with a worker in another session; both ignore TERM. Neither writes to the frozen file: if KILL reaches a sleep
# before its shell, the shell writes "Killed", and nobody can end a process in such a write.
deaf() {
  cat >deaf <<'EOF'
exec 2>/dev/null
trap '' TERM
setsid -w sh -c 'echo $$ >>pids; while :; do sleep 0.05; done' &
echo $$ >>pids
while :; do sleep 0.05; done
EOF
}
both_run() { [ "$(wc -l 2>/dev/null <pids)" = 2 ]; }

@test "a frozen file system under standard error: the run is over before the next one starts" {
  deaf
  # shellcheck disable=SC2016  # for sh
  with_frozen sh -c 'exec "$CONDOLOCK" run -v --key K --lease 6s --timeout 10s -k 200ms -- sh deaf 2>mounted/err' 3>&- &
  wait_for both_run
  condolock=$(cat inside)
  freeze "$condolock"
  wait_for is_stuck "$condolock" # condolock is reporting the timeout
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
  with_frozen sh -c 'exec "$CONDOLOCK" run --key K --lease 6s --report-fd 7 -- sh deaf 7>mounted/report' 3>&- &
  wait_for both_run
  condolock=$(cat inside)
  freeze "$condolock"
  wait_for is_stuck "$condolock" # condolock is reporting a renewal
  nobody_is_left_when_the_lease_is_free
  is_stuck "$condolock"
  thaw
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
}

@test "a frozen file system under the command's files: a process that cannot be killed delays only its own run, and dies later" {
  # shellcheck disable=SC2016  # for sh
  with_frozen sh -c 'exec "$CONDOLOCK" run --key K --timeout 10s -k 200ms -- sh -c "echo \$\$ >pid; while [ ! -e go ]; do sleep 0.01; done; echo stuck >mounted/file; touch survived"' 3>&- &
  wait_for test -s pid
  condolock=$(cat inside)
  freeze "$condolock"
  touch go
  wait_for is_stuck "$(cat pid)"
  # KILL was sent, and is pending.
  wait_for grep -qE '^S(ig|hd)Pnd:.*[13579bdf]..$' "/proc/$(cat pid)/status"
  # The lease is held while the process lives.
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

@test "an exec that hangs: whatever happens to condolock, the command has not run when the lease can be taken, or later" {
  for signal in none TERM STOP KILL; do
    hold_exec
    perl -e "$reset" "$CONDOLOCK" run --key K --lease 4s -- ./slow ran 2>err 3>&- &
    condolock=$!
    wait_for test -s asked
    case $signal in
      none) # the lease is held while condolock lives
        wait_for outlived K
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

@test "an exec that hangs for a while: the command then runs under its lease" {
  hold_exec
  "$CONDOLOCK" run --key K --lease 6s -- ./slow ran 3>&- &
  condolock=$!
  wait_for test -s asked
  wait_for outlived K
  touch go
  wait "$condolock"
  [ -e ran ]
  [ "$(job K outcome)" = success ]
  put_down "$holder"
}

# ---- a server that crashes

crashing() { redis-cli -s "$REDIS_DIR/crashing.sock" "$@"; }
# start_crashing [OPTION...]: starts the server with the data that it has kept, if any.
start_crashing() {
  rm -f "$REDIS_DIR/crashing.sock"
  start_redis "$REDIS_DIR/crashing.sock" "$REDIS_DIR/crashing.pid" "$@"
  export CONDOLOCK_URL="unix://$REDIS_DIR/crashing.sock"
}
crash() { put_down "$(cat "$REDIS_DIR/crashing.pid")"; }
with_log=(--appendonly yes --appendfsync always)
answers() { crashing PING | grep -q PONG; }

@test "Redis with an AOF is killed at each step of a run: no acknowledged write is lost" {
  start_crashing "${with_log[@]}"
  "$CONDOLOCK" run --key K -- true
  fence=$(crashing HGET '{condolock}:job:K' fence)
  # Crash after the grant: the lease is still held.
  "$CONDOLOCK" run --key K --lease 60s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done; : >ended' 3>&- &
  condolock=$!
  wait_for test -e began
  crash
  start_crashing "${with_log[@]}"
  wait_for answers
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  # Crash while the end is recorded: it is recorded once.
  crash
  touch stop
  wait_for test -e ended
  start_crashing "${with_log[@]}"
  wait "$condolock"
  [ "$(crashing HGET '{condolock}:job:K' runs)" = 2 ]
  # Crash after that: the record stays the same.
  crash
  start_crashing "${with_log[@]}"
  wait_for answers
  [ "$(crashing HGET '{condolock}:job:K' runs)" = 2 ]
  [ "$(crashing HGET '{condolock}:job:K' outcome)" = success ]
  [ "$(crashing HGET '{condolock}:job:K' fence)" -gt "$fence" ]
  [ ! -e second ]

  # Crash at random moments.
  for i in $(seq 20); do
    "$CONDOLOCK" run --key K --wait 60 --redis-timeout 2s -- sh -c 'echo $CONDOLOCK_FENCE >>fences; sleep 0.02' 2>>said 3>&- &
    condolock=$!
    perl -e 'select undef, undef, undef, rand 0.06'
    crash
    start_crashing "${with_log[@]}"
    wait "$condolock" # wait succeeded, so the success is recorded
    wait_for answers
    [ "$(crashing HGET '{condolock}:job:K' runs)" = $((2 + i)) ]
    [ "$(crashing HGET '{condolock}:job:K' fence)" = "$(tail -n 1 fences)" ]
  done
  sort -n -u fences | cmp - fences
  crash
}

@test "Redis without an AOF is killed during a run: the lease is acquired again, and the fence still grows" {
  start_crashing
  "$CONDOLOCK" run --key K --lease 12s -- sh -c 'echo "$CONDOLOCK_FENCE" >first; until [ -e stop ]; do sleep 0.01; done' 2>said 3>&- &
  condolock=$!
  wait_for test -s first
  crash
  start_crashing
  wait_for grep -q 'the server lost the lease of K' said
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

# ---- a server with another clock

# start_with_clock OFFSET: in seconds; change_clock changes it. It affects only the time of day, as if somebody set the
# clock.
start_with_clock() {
  cc -shared -fPIC -o clock_shift.so "$SOURCE_DIR/tests/support/clock_shift.c"
  change_clock "$1"
  rm -f "$REDIS_DIR/clock.sock"
  (
    export LD_PRELOAD="$PWD/clock_shift.so" CLOCK_SHIFT="$PWD/offset"
    exec redis-server --port 0 --unixsocket "$REDIS_DIR/clock.sock" --save '' --dir "$REDIS_DIR" --logfile "$REDIS_DIR/clock.log"
  ) >/dev/null 3>&- &
  echo $! >"$REDIS_DIR/clock.pid"
  wait_for test -S "$REDIS_DIR/clock.sock"
  export CONDOLOCK_URL="unix://$REDIS_DIR/clock.sock"
  wait_for is_off_by "$1"
}
change_clock() {
  printf '%+d\n' "$1" >offset.new
  mv offset.new offset
}
clock() { redis-cli -s "$REDIS_DIR/clock.sock" "$@"; }
clock_of_K() { clock HGET '{condolock}:job:K' "$1"; }
clock_outlived_K() { (($(clock TIME | head -n 1) * 1000 > $(clock_of_K h_start) + $(clock_of_K h_length))); }
is_off_by() {
  local off=$(($(clock TIME | head -n 1) - $(date +%s) - $1))
  ((off > -60 && off < 60))
}

@test "the clocks of client and server differ by a day either way: no effect" {
  for offset in 86400 -86400; do
    start_with_clock "$offset"
    rm -f began stop ran second
    "$CONDOLOCK" run --key K --min-time 300 -- true
    expect_code 75 "$CONDOLOCK" run --key K --min-time 300 -- touch second
    "$CONDOLOCK" run --key K --min-time 1ms --accessed-prior K:1m -- true
    # This run renews beyond its lease, and another waits for it.
    "$CONDOLOCK" run --key K --lease 4s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done' 2>said 3>&- &
    condolock=$!
    wait_for test -e began
    "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
    waiter=$!
    wait_for clock_outlived_K
    expect_code 75 "$CONDOLOCK" run --key K -- touch second
    touch stop
    wait "$condolock"
    wait "$waiter"
    [ -e ran ]
    [ ! -e second ]
    expect_code 1 grep -E 'lost|revoked|in time' said
    [ "$(clock_of_K runs)" = 4 ]
    [ -z "$(clock_of_K failures)" ]
    # The lease of a killed holder ends in time.
    "$CONDOLOCK" run --key K --lease 1s -- sh -c ': >held; exec sleep 60' 3>&- &
    wait_for test -e held
    put_down $!
    rm held
    "$CONDOLOCK" run --key K --wait 60 -- true
    put_down "$(cat "$REDIS_DIR/clock.pid")"
  done
}

@test "the server's clock jumps an hour forward during a run without a contender: the lease is renewed" {
  start_with_clock 0
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done' 3>&- &
  condolock=$!
  wait_for test -e began
  change_clock 3600
  wait_for is_off_by 3600
  renewed() { (($(clock_of_K h_until) > ($(date +%s) + 3500) * 1000)); }
  wait_for renewed
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  touch stop
  wait "$condolock"
  [ "$(clock_of_K outcome)" = success ]
  put_down "$(cat "$REDIS_DIR/clock.pid")"
}

@test "the server's clock jumps an hour forward during a run with a contender: the holder learns that it lost, and its late record is rejected" {
  start_with_clock 0
  "$CONDOLOCK" run --key K --lease 30s -- sh -c 'echo $$ >pid; exec sleep 300' 2>said 3>&- &
  condolock=$!
  wait_for test -s pid
  # The contender must come between the jump and the next renewal. If it did not, the clock jumps again.
  for hours in 1 2 3 4 5; do
    change_clock $((hours * 3600))
    wait_for is_off_by $((hours * 3600))
    ! "$CONDOLOCK" run --key K -- sh -c 'echo "$CONDOLOCK_FENCE" >fence' || break
  done
  [ -s fence ]
  ended=$(clock_of_K ok_end)
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
  gone "$(cat pid)"
  grep -q 'K lost its lease' said
  [ "$(clock_of_K fence)" = "$(cat fence)" ]
  [ "$(clock_of_K ok_end)" = "$ended" ]
  [ "$(clock_of_K outcome)" = success ]
  put_down "$(cat "$REDIS_DIR/clock.pid")"
}

@test "the server's clock jumps an hour back during a run: no run starts early, and none waits an hour" {
  start_with_clock 0
  "$CONDOLOCK" touch K
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done' 3>&- &
  condolock=$!
  wait_for test -e began
  change_clock -3600
  wait_for is_off_by -3600
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  touch stop
  wait "$condolock"
  [ "$(clock_of_K outcome)" = success ]
  expect_code 75 "$CONDOLOCK" run --key K --min-time 5m -- touch second
  # The clock goes back after a holder was killed: its lease lasts no longer than its length.
  "$CONDOLOCK" run --key K --lease 12s -- sh -c ': >held; exec sleep 60' 3>&- &
  wait_for test -e held
  put_down $!
  change_clock -7200
  wait_for is_off_by -7200
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  [ ! -e second ]
  "$CONDOLOCK" run --key K --wait 60 -- true
  put_down "$(cat "$REDIS_DIR/clock.pid")"
}
