load helper

# Never two runs at once: each of condolock's two processes ends the run without the other, and a run is over only after its
# last process.

# Workers in all places where workers have survived before: in the background, as an orphan, below timeout, and in a session
# of their own that the run waits for. All of them ignore TERM. Each appends its process ID to `pids`.
tree() {
  cat >tree <<'END'
worker='trap "" TERM; echo $$ >>pids; while :; do sleep 0.05; done'
trap '' TERM
sh -c "$worker" &
(sh -c "$worker" &)
timeout 60 sh -c "$worker" &
setsid -w sh -c "$worker" &
while [ "$(wc -l 2>/dev/null <pids)" != 4 ]; do sleep 0.01; done
echo $$ >>pids
while :; do sleep 0.05; done
END
  rm -f pids
}

ready() { [ "$(wc -l 2>/dev/null <pids)" = 5 ]; }
all_gone() {
  local pid
  while read -r pid; do gone "$pid" || return 1; done <pids
}
keeper_of() { pgrep -P "$1" lease-keeper; }
is_over() { [ "$(job "$1" h_token)" = '' ]; }

@test "condolock is killed: the keeper ends all of the run, long before the lease ends" {
  tree
  "$CONDOLOCK" run --key K --lease 10m -- sh tree 3>&- &
  wait_for ready
  kill -KILL $!
  wait_for all_gone # within half a second; the keeper's own deadline is minutes later
  expect_code 75 "$CONDOLOCK" run --key K -- true
}

@test "condolock is killed: no process of the run is left when the lease is free" {
  for i in 1 2 3; do
    tree
    "$CONDOLOCK" run --key K --lease 4s -- sh tree 3>&- &
    wait_for ready
    kill -KILL $!
    nobody_is_left_when_the_lease_is_free
  done
}

@test "condolock is stopped: the whole run is ended before the lease can be taken" {
  tree
  "$CONDOLOCK" run --key K --lease 6s -- sh tree 3>&- &
  condolock=$!
  wait_for ready
  kill -STOP "$condolock"
  nobody_is_left_when_the_lease_is_free
  kill -CONT "$condolock"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
}

@test "the keeper is killed or stopped: condolock ends all of the run, and it is recorded" {
  for signal in KILL STOP; do
    tree
    "$CONDOLOCK" run --key K -k 200ms -- sh tree 2>err 3>&- &
    condolock=$!
    wait_for ready
    kill -"$signal" "$(keeper_of "$condolock")"
    code=0
    wait "$condolock" || code=$?
    [ "$code" -eq 137 ] || { echo "$signal: $code"; return 1; }
    all_gone
    grep -q 'keeper of K was killed or stopped' err
    is_over K
    [ "$(job K outcome)" = failed ]
  done
}

@test "condolock is killed at any time: no process of the run is alive when the lease can be taken" {
  for i in $(seq 25); do
    tree
    : >pids
    kill_within 0.03 "$CONDOLOCK" run --key K --lease 1s -- sh tree 3>&- || true
    nobody_is_left_when_the_lease_is_free
  done
}

@test "killall condolock does not kill the keeper, and the keeper ends the rest" {
  tree
  "$CONDOLOCK" run --key K --lease 2s -- sh tree 3>&- &
  wait_for ready
  keeper=$(keeper_of $!)
  [ "$(cat "/proc/$keeper/comm")" = lease-keeper ]
  kill -KILL $!
  wait_for all_gone
  wait_for gone "$keeper"
}

@test "TERM from outside: the next run waits for a worker that cleans up, which gets all of --kill-after" {
  cat >job <<'END'
bash -c 'trap "touch told; while [ ! -e go ]; do sleep 0.01; done; touch cleaned; exit" TERM; touch ready; while :; do sleep 0.01; done' &
wait
END
  perl -e "$reset" "$CONDOLOCK" run --key K -k 60 -- sh job 3>&- &
  condolock=$!
  wait_for test -e ready
  kill -TERM "$condolock"
  wait_for test -e told
  sleep 0.3 # the shell has ended; a run that does not wait for its worker would be over now
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  touch go
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 143 ]
  [ -e cleaned ]
  [ ! -e second ]
}

@test "a command fails and leaves workers: they are ended before the lease is free" {
  tree
  # Without the worker that has a session of its own: it would leave the run when its parent ends.
  sed -i -e '/^setsid/d' -e 's/!= 4 /!= 3 /' -e '$d' tree
  echo 'exit 4' >>tree
  expect_code 4 "$CONDOLOCK" run --key K -k 200ms -- sh tree
  all_gone
  [ "$(job K outcome)" = failed ]
  [ "$(job K code)" = 4 ]
}

@test "--timeout: the workers of a shell script get all of --kill-after, too" {
  cat >job <<'END'
bash -c 'trap "touch told; sleep 0.5; touch cleaned; exit" TERM; while :; do sleep 0.01; done' &
wait
END
  expect_code 124 "$CONDOLOCK" run --key K --timeout 3 -k 60 -- sh job
  [ -e cleaned ]
}

@test "a daemon has left the run, and survives its end" {
  "$CONDOLOCK" run --key K --timeout 3 -- sh -c 'setsid -f sh -c "echo \$\$ >daemon; exec sleep 60"; exec sleep 60' || true
  expect_code 1 gone "$(cat daemon)"
  kill "$(cat daemon)"
}

@test "a process in a session of its own that outlives its parent's TERM is ended with the run" {
  "$CONDOLOCK" run --key K --timeout 3s -k 300ms -- sh -c 'setsid -w sh -c "trap \"\" TERM; echo \$\$ >pid; while :; do sleep 0.05; done"' 3>&- || [ $? -eq 124 ]
  gone "$(cat pid)"
}

@test "nested runs: the outer run is ended, and the inner run with it" {
  tree
  "$CONDOLOCK" run --key K --lease 6s -- "$CONDOLOCK" run --key inner -k 100ms -- sh tree 3>&- &
  condolock=$!
  wait_for ready
  kill -STOP "$condolock"
  nobody_is_left_when_the_lease_is_free
  kill -KILL "$condolock"
}

# Each of these starts a worker that ignores TERM: directly, in another session, as another user, under a lease.
guarded_script() {
  cat >worker <<'END'
trap '' TERM
echo $$ >>pids
while :; do sleep 0.05; done
END
  cat >tree <<'END'
timeout 60 sh worker &
setsid sh worker &
setsid -w sh worker &
su -c 'sh worker' &
su -s /bin/sh -c 'sh worker' nobody &
"$CONDOLOCK" run --key inner --lease 4s --wait 60 -k 200ms -- sh worker &
wait
END
  chmod 777 .
  rm -f pids
  (umask 0; : >pids)
}
all_started() { [ "$(wc -l <pids)" = 6 ]; }

@test "timeout, setsid, su and a nested run inside a guarded script are gone when the script has been stopped" {
  for way in TERM KILL STOP; do
    guarded_script
    perl -e "$reset" "$CONDOLOCK" run --key K --lease 6s -k 500ms -- sh tree 3>&- &
    condolock=$!
    wait_for all_started
    kill -"$way" "$condolock"
    nobody_is_left_when_the_lease_is_free
    [ $way != STOP ] || kill -KILL "$condolock"
  done
}

# A process that forks and ends a thousand times, so that it is always another one. Its lifetimes vary around the time that
# the keeper takes to look.
# shellcheck disable=SC2016  # for perl
hopper='$SIG{TERM} = "IGNORE"; for (1 .. 1000) { exit if fork; select undef, undef, undef, rand 0.0002 } open(my $done, ">", "landed")'

@test "a process that forks and ends all the time is waited for" {
  for i in $(seq 12); do
    # shellcheck disable=SC2016  # for sh
    "$CONDOLOCK" run --key K --leftovers wait -- sh -c 'perl -e "$1" & sleep 0.1' sh "$hopper"
    [ -e landed ]
    rm landed
  done
}

@test "a process in a session of its own whose parent has ended has left the run" {
  perl -e "$reset" "$CONDOLOCK" run --key K -k 100ms -- sh -c '(setsid sh -c "echo \$\$ >left; exec sleep 60" &); exec sleep 60' 3>&- &
  wait_for test -s left
  # Its parent was a shell; now it is the keeper.
  has_no_parent() { [ "$(ps -o comm= -p "$(ps -o ppid= -p "$(cat left)" | tr -d ' ')")" != sh ]; }
  wait_for has_no_parent
  kill -TERM $!
  expect_code 143 wait $!
  expect_code 1 gone "$(cat left)"
  kill "$(cat left)"
}

@test "--leftovers: leave does not wait, wait holds the lease, kill ends what is left" {
  "$CONDOLOCK" run --key K -- sh -c 'sh -c "echo \$\$ >left; exec sleep 60" & while [ ! -s left ]; do sleep 0.01; done'
  is_over K
  expect_code 1 gone "$(cat left)"
  kill "$(cat left)"

  "$CONDOLOCK" run --key K --leftovers wait -- sh -c 'sh -c "while [ ! -e go ]; do sleep 0.01; done; touch done" & touch exited' 3>&- &
  wait_for test -e exited
  expect_code 75 "$CONDOLOCK" run --key K -- touch second
  [ ! -e done ]
  touch go
  wait $!
  [ -e done ]
  [ "$(job K outcome)" = success ]

  rm left
  "$CONDOLOCK" run --key K --leftovers kill -- sh -c 'sh -c "echo \$\$ >left; exec sleep 60" & while [ ! -s left ]; do sleep 0.01; done'
  gone "$(cat left)"
  [ "$(job K outcome)" = success ]
  expect_code 124 "$CONDOLOCK" run --key K --leftovers wait --timeout 0.3 -- sh -c 'sleep 60 &'
  expect_code 64 "$CONDOLOCK" run --key K --leftovers some -- true
}

@test "a process that became another user's is reported, with its process ID" {
  chmod 777 .
  # Root without the right to signal others, like any other user.
  setpriv --inh-caps -kill --bounding-set -kill "$CONDOLOCK" run --key K --timeout 6s -k 100ms -- \
    setpriv --reuid 4711 --clear-groups sh -c 'echo $$ >pid; exec sleep 300' 2>err 3>&- &
  condolock=$!
  wait_for grep -q 'cannot stop process' err
  grep -q "cannot stop process $(cat pid) of K: it runs as another user" err
  held K
  kill -KILL "$(cat pid)"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 124 ]
}

@test "condolock as process 1 reaps orphans" {
  unshare -pf --mount-proc "$CONDOLOCK" run --key K -- sh -c '(setsid sh -c "sleep 0.1; : >ended" &)
    for i in $(seq 100); do sleep 0.3; ps -eo stat=,args= >ps; [ ! -e ended ] || grep -q "^Z" ps || break; done'
  [ -e ended ]
  expect_code 1 grep '^Z' ps
  grep -q condolock ps
}

@test "standard error is a file at its size limit: the run goes on" {
  head -c 4096 /dev/zero >full
  (ulimit -f 2; trap - XFSZ; exec "$CONDOLOCK" run -v --key K -- sh -c 'touch ran' 2>>full)
  [ -e ran ]
  [ "$(job K outcome)" = success ]
}

@test "without a free descriptor, the command is still run and stopped" {
  cat >few <<'END'
# As many descriptors as the start of the command needs, and no more.
for my $limit (3 .. 40) { my $pid = fork // die; if (!$pid) { exec "prlimit", "--nofile=$limit", @ARGV or die } waitpid $pid, 0; print $? >> 8, "\n" }
END
  perl few "$CONDOLOCK" run --key K --timeout 100ms -- sleep "30.$$" >codes 2>/dev/null
  grep -q '^124$' codes
  expect_code 1 grep -vE '^(124|69|70|126|127)$' codes
  expect_code 1 pgrep -f "^sleep 30\\.$$\$"
}

@test "without /proc, the command and its group are still ended" {
  unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh timeout -s KILL 60 "$CONDOLOCK" run --key K --timeout 3s -k 100ms -- \
    sh -c 'trap "" TERM; echo $$ >pid; while :; do sleep 0.05; done' 3>&- || [ $? -eq 124 ]
  gone "$(cat pid)"
  unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh timeout -s KILL 60 "$CONDOLOCK" run --key K -k 100ms -- sh -c 'sleep 60 & echo $! >pid; exit 3' || [ $? -eq 3 ]
  gone "$(cat pid)"
}

@test "in a sandbox that refuses a system call, the whole run is still ended, and doctor says what is missing" {
  # Refuses the adoption of orphans, the signal at a parent's death, the timer, and a clone that shares memory.
  for call in prctl:36 prctl:1 timer_create clone:273; do
    sandbox=(perl "$SOURCE_DIR/tests/support/refuse.pl" "$call")
    for timeout in 2s 10s 60s; do # the tree must be complete
      tree
      expect_code 124 "${sandbox[@]}" "$CONDOLOCK" run --key K --timeout $timeout -k 100ms -- sh tree 3>&-
      ! ready || break
    done
    ready
    all_gone || { echo "$call: $(ps -o pid,ppid,args -p "$(paste -sd, pids)")"; return 1; }
    for signal in KILL STOP; do
      tree
      "${sandbox[@]}" "$CONDOLOCK" run --key K --lease 4s -- sh tree 3>&- &
      condolock=$!
      wait_for ready
      kill -$signal "$condolock"
      nobody_is_left_when_the_lease_is_free || { echo "$call: $signal"; return 1; }
      put_down "$condolock"
    done
    run "${sandbox[@]}" "$CONDOLOCK" doctor
    case $call in
      prctl:36) [[ $output =~ 'PR_SET_CHILD_SUBREAPER is refused (Operation not permitted): '.*'-> allow prctl and timer_create' ]] ;;
      prctl:1) [[ $output =~ 'PR_SET_PDEATHSIG is refused (Operation not permitted): ' ]] ;;
      timer_create) [[ $output =~ 'timer_create(CLOCK_BOOTTIME) is refused (Operation not permitted): ' ]] ;;
      *) [[ $output =~ 'condolock and its keeper can each stop all processes of a run' ]] ;;
    esac || { echo "$call: doctor: $output"; return 1; }
  done
  run unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$CONDOLOCK" doctor
  [[ $output =~ "/proc can't be read: only the command and its process group" ]]
}
