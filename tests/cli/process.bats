load helper

# The command as a process: what it inherits, which signals it gets, and what ends it.

# perl -e "$ignore" SIGNAL COMMAND...: ignores that signal, and no other.
ignore='$SIG{$_} = "DEFAULT" for keys %SIG; $SIG{shift()} = "IGNORE"; exec @ARGV or die'

# Runs its other arguments with a stderr that is full and has no reader: a pipe or, with `socket`, a socket.
stuck='use Fcntl; use Socket; $^F = 99;
shift eq "socket" ? socketpair(R, W, AF_UNIX, SOCK_STREAM, 0) : pipe(R, W);
fcntl(W, F_SETFL, O_WRONLY | O_NONBLOCK);
for my $size (4096, 1) { 1 while syswrite(W, "x" x $size) }
fcntl(W, F_SETFL, O_WRONLY);
open(STDERR, ">&", \*W);
exec @ARGV'

# is_in_state PID STATE: its state as ps shows it: T stopped, Z ended and not yet reaped.
is_in_state() { [ "$(ps -o state= -p "$1")" = "$2" ]; }

@test "without a terminal, the command has a process group of its own" {
  run -0 setsid "$CONDOLOCK" run --key K -- sh -c 'cut -d" " -f1,5 /proc/self/stat; echo $$'
  read -r _ group <<<"${lines[0]}"
  [ -n "$group" ]
  [ "$group" = "${lines[1]}" ]
}

@test "TERM INT HUP QUIT USR1 USR2 CONT WINCH are forwarded to the whole group" {
  cat >child <<'END'
for name in TERM INT HUP QUIT USR1 USR2 WINCH CONT; do trap "echo $name >>got" "$name"; done
(trap "echo grandchild >>got" USR1; trap '' TERM INT HUP QUIT USR2; : >listens; while [ ! -e stop ]; do sleep 0.01; done) &
until [ -e listens ]; do sleep 0.01; done
echo $$ >pid
while [ ! -e stop ]; do sleep 0.01; done
wait
END
  perl -e "$reset" "$CONDOLOCK" run --key K -- bash child 3>&- &
  wait_for test -s pid
  for name in TERM INT HUP QUIT USR2 WINCH CONT USR1; do
    kill -"$name" $!
    wait_for grep -qx "$name" got
  done
  wait_for grep -qx grandchild got
  : >stop
  wait $!
}

@test "the command gets each signal once" {
  cat >child <<'END'
trap 'echo x >>got' USR1
: >ready
while [ ! -e stop ]; do sleep 0.01; done
END
  "$CONDOLOCK" run --key K -- bash child 3>&- &
  wait_for test -e ready
  kill -USR1 $!
  wait_for test -s got
  : >stop
  wait $!
  [ "$(wc -l <got)" -eq 1 ]
}

@test "TERM while the command runs: the command's own exit code decides" {
  "$CONDOLOCK" run --key K -- sh -c ': >ready; sleep 60' 3>&- &
  wait_for test -e ready
  kill -TERM $!
  code=0
  wait $! || code=$?
  [ "$code" -eq 143 ]
  [ "$(job K outcome)" = failed ]
  [ "$(job K h_token)" = '' ]
}

@test "the end of a command is seen at once, whenever its CHLD comes" {
  # On one processor, a command that ends at once, by itself or by KILL, has usually ended before condolock goes on.
  one=$(taskset -cp $$ | sed 's/.*: *//; s/[,-].*//')
  for i in $(seq 5); do
    run timeout -s KILL 60 taskset -c "$one" "$CONDOLOCK" run --key K --lease 1h --timeout 50ms -k 50ms -- sh -c 'trap "" TERM; while :; do sleep 0.01; done'
    [ "$status" -eq 124 ]
  done
  for i in $(seq 60); do
    timeout -s KILL 60 taskset -c "$one" "$CONDOLOCK" run --key K --lease 1h -- true
  done
}

@test "the command gets the caller's signal mask and dispositions" {
  state() { grep -E '^(SigBlk|SigIgn)' /proc/self/status; }
  for ignored in '' PIPE HUP 'PIPE HUP CHLD USR1' CHLD; do
    want=$(for name in $ignored; do trap '' "$name"; done; exec grep -E '^(SigBlk|SigIgn)' /proc/self/status)
    got=$(for name in $ignored; do trap '' "$name"; done; exec "$CONDOLOCK" run --key K -- grep -E '^(SigBlk|SigIgn)' /proc/self/status)
    [ "$got" = "$want" ] || { echo "$ignored: $got, not $want"; return 1; }
  done
  # This needs a caller that blocks signals: perl, which is part of Debian's base.
  block='use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2, SIGTERM, SIGALRM)); exec @ARGV'
  want=$(perl -e "$block" grep '^SigBlk' /proc/self/status)
  got=$(perl -e "$block" "$CONDOLOCK" run --key K -- grep '^SigBlk' /proc/self/status)
  [ "$got" = "$want" ]
}

@test "the exit code is seen even if the caller ignores CHLD" {
  code=0
  (trap '' CHLD; exec "$CONDOLOCK" run --key K -- sh -c 'exit 7') || code=$?
  [ "$code" -eq 7 ]
}

@test "a signal that the caller ignores stays ignored" {
  cat >child <<'END'
$SIG{HUP} = sub { open(my $got, ">", "got") };
$SIG{USR1} = sub { exit };
open(my $ready, ">", "ready");
sleep 1 while 1;
END
  perl -e "$ignore" HUP "$CONDOLOCK" run --key K -- perl child 3>&- &
  wait_for test -e ready
  kill -HUP $!
  kill -USR1 $! # a HUP would be forwarded before this
  wait $!
  [ ! -e got ]
}

@test "a signal that the caller ignores does not end the run before the grant, and does not hide a TERM" {
  # The lowest pending signal is delivered first: HUP before TERM.
  for case in HUP:143 USR1:129; do
    perl -e "$ignore" "${case%:*}" "$CONDOLOCK" run --key K --jitter 3000d -- touch ran 3>&- &
    condolock=$!
    wait_for sh -c "ls -l /proc/$condolock/fd | grep -q timerfd"
    kill -STOP "$condolock"
    kill -HUP "$condolock"
    kill -TERM "$condolock"
    kill -CONT "$condolock"
    code=0
    wait "$condolock" || code=$?
    [ "$code" -eq "${case#*:}" ] || { echo "$case gave $code"; return 1; }
  done
  [ ! -e ran ]
  "$CONDOLOCK" pause K
  perl -e "$ignore" HUP "$CONDOLOCK" run --key K --wait 60 -- touch ran 3>&- &
  wait_for blocked 1
  kill -HUP $!
  "$CONDOLOCK" resume K
  wait $!
  [ -e ran ]
}

@test "a signal that ends a process also ends a stopped command" {
  for case in TERM:143 INT:130 HUP:129 QUIT:131; do
    rm -f pid
    perl -e "$reset" "$CONDOLOCK" run --key K -- sh -c 'ulimit -c 0; echo $$ >pid; exec sleep 60' 3>&- &
    wait_for test -s pid
    kill -STOP -- "-$(cat pid)"
    wait_for is_in_state "$(cat pid)" T
    kill -"${case%:*}" $!
    wait_for gone "$(cat pid)"
    code=0
    wait $! || code=$?
    [ "$code" -eq "${case#*:}" ] || { echo "$case gave $code"; return 1; }
  done
}

@test "--timeout ends a stopped command with TERM, not with KILL after --kill-after" {
  run timeout -s KILL 15 "$CONDOLOCK" run --key K --timeout 0.2 -k 60 -- sh -c 'kill -STOP $$; sleep 60'
  [ "$status" -eq 124 ]
  [ "$(job K code)" = 143 ]
}

@test "the command gets only the descriptors that the caller passed" {
  echo 'cd /proc/$$/fd && for fd in *; do printf "%s " "$fd"; readlink "$fd"; done' >child
  (exec 7</dev/null 3>&-; exec sh child >open)
  mv open ours
  (exec 7</dev/null 3>&-; exec "$CONDOLOCK" run --key K -- sh child >open)
  grep -qx '7 /dev/null' ours
  diff ours open
}

@test "closed descriptors 0, 1 and 2 stay closed for the command, and condolock does not use them" {
  redis CONFIG RESETSTAT >/dev/null
  run bash -c '"$CONDOLOCK" run --key K -- sh -c "ls -l /proc/self/fd >&2" <&- >&-'
  [ "$status" -eq 0 ]
  [[ ! "$output" =~ socket ]]
  [[ ! "$output" =~ anon_inode ]]
  # If 2 were a descriptor of condolock, the messages of -v would go to Redis.
  "$CONDOLOCK" run -v --key K -- sh -c 'ls /proc/$$/fd >fds' <&- >&- 2>&-
  expect_code 1 grep -qx 0 fds
  expect_code 1 grep -qx 2 fds
  redis INFO errorstats >errors
  grep -q '^# Errorstats' errors
  expect_code 1 grep '^errorstat_ERR' errors
}

@test "stderr on /dev/full or on a closed pipe: the command still runs" {
  "$CONDOLOCK" run -v --key K -- sh -c ': >one' 2>/dev/full
  [ -e one ]
  "$CONDOLOCK" run -v --key K -- sh -c ': >two' 2> >(exec true)
  [ -e two ]
}

@test "a stderr that is full or broken does not change the command's exit code" {
  for kind in pipe socket; do
    run timeout -s KILL 15 perl -e "$stuck" "$kind" "$CONDOLOCK" run -v --key K -- sh -c 'exit 7'
    [ "$status" -eq 7 ] || { echo "$kind: $status"; return 1; }
  done
  run timeout -s KILL 15 perl -MSocket -e 'socketpair(R, W, AF_UNIX, SOCK_STREAM, 0); close R; open(STDERR, ">&", \*W); exec @ARGV' \
    "$CONDOLOCK" run -v --key K -- sh -c 'exit 7'
  [ "$status" -eq 7 ]
  code=0
  "$CONDOLOCK" run -v --key K -- sh -c 'exit 7' 2>/dev/full || code=$?
  [ "$code" -eq 7 ]
}

@test "a stderr that is full: --timeout still ends the command" {
  for kind in pipe socket; do
    run timeout -s KILL 60 perl -e "$stuck" "$kind" "$CONDOLOCK" run -v --key K --timeout 3 -- sh -c 'echo $$ >pid; exec sleep 30'
    [ "$status" -eq 124 ] || { echo "$kind: $status"; return 1; }
    gone "$(cat pid)"
    [ "$(job K outcome)" = timeout ]
  done
}

@test "a stderr that is full: a command whose lease is lost is still stopped" {
  timeout -s KILL 15 perl -e "$stuck" pipe "$CONDOLOCK" run -v --key K --lease 1s -- sh -c 'trap "" TERM; echo $$ >pid; while :; do sleep 0.01; done' 3>&- &
  wait_for test -s pid
  "$CONDOLOCK" unlock --now K
  wait_for gone "$(cat pid)"
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
}

@test "a stderr that is full: a command whose lease cannot be renewed in time is still stopped" {
  start_proxy
  timeout -s KILL 15 perl -e "$stuck" pipe "$CONDOLOCK" run --key K --lease 1s --record-timeout 0 -- sh -c 'trap "" TERM; echo $$ >pid; while :; do sleep 0.01; done' 3>&- &
  wait_for test -s pid
  kill -USR1 "$PROXY"
  wait_for gone "$(cat pid)"
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
}

@test "a stderr with room, pipe or socket, gets the lines, and the command's own does not become non-blocking" {
  "$CONDOLOCK" run -v --key K -- cat /proc/self/fdinfo/2 2> >(cat >lines) >info
  wait_for grep -q '^condolock: running K ' lines
  flags=$(sed -n 's/^flags:[[:space:]]*//p' info)
  [ $((flags & 04000)) -eq 0 ]
  perl -MSocket -e 'socketpair(R, W, AF_UNIX, SOCK_STREAM, 0);
    if (!fork) { close R; open(STDERR, ">&", \*W); exec @ARGV }
    close W; print while <R>' "$CONDOLOCK" run -v --key K -- cat /proc/self/fdinfo/2 >both
  grep -q '^condolock: running K ' both
  flags=$(sed -n 's/^flags:[[:space:]]*//p' both)
  [ $((flags & 04000)) -eq 0 ]
}

@test "condolock was stopped longer than its lease, but the command succeeded: the success is recorded" {
  "$CONDOLOCK" run --key K --lease 10s -- sh -c 'echo $$ >pid; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  wait_for test -s pid
  kill -STOP $!
  wait_for is_in_state $! T
  : >stop
  wait_for is_in_state "$(cat pid)" Z
  lease_is_over() { (($(server_time) > $(job K h_until))); }
  wait_for lease_is_over
  kill -CONT $!
  wait $!
  [ "$(job K outcome)" = success ]
}

@test "the command dies with condolock" {
  "$CONDOLOCK" run --key K -- sh -c 'echo $$ >pid; exec sleep 60' 3>&- &
  wait_for test -s pid
  kill -KILL $!
  wait_for gone "$(cat pid)"
}

@test "a background process of the command goes on after a success" {
  "$CONDOLOCK" run --key K -- sh -c 'sleep 60 & echo $! >pid' 3>&- >/dev/null
  [ "$(job K outcome)" = success ]
  kill "$(cat pid)"
}

@test "the password is not in the command's environment, the arguments or the messages" {
  redis ACL SETUSER job on '>s3cret' '~*' '+@all' >/dev/null
  CONDOLOCK_PASSWORD=s3cret "$CONDOLOCK" run -v --user job --key K -- sh -c 'env; tr "\0" "\n" <"/proc/$PPID/cmdline"' >out 2>&1
  grep -q CONDOLOCK_RUN_ID out
  expect_code 1 grep -q s3cret out
  CONDOLOCK_PASSWORD=s3crets run "$CONDOLOCK" run -v --user job --key K -- true
  [ "$status" -eq 77 ]
  [[ ! "$output" =~ s3cret ]]
}

@test "the token is only in Redis" {
  "$CONDOLOCK" run -v --key K -- sh -c 'env; redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" h_token >token' >out 2>&1
  [ "$(wc -c <token)" -eq 23 ]
  expect_code 1 grep -qF -e "$(cat token)" out
  "$CONDOLOCK" run --key K -- sh -c '"$CONDOLOCK" status K; "$CONDOLOCK" status --json K; "$CONDOLOCK" check K; redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" h_token >token' >out 2>&1
  [ "$(wc -c <token)" -eq 23 ]
  expect_code 1 grep -qF -e "$(cat token)" out
}

# pty COMMAND: runs it in a pseudo-terminal that an interactive bash holds. Keys come from the FIFO `keys`, and the output
# goes to `shown`.
pty() {
  mkfifo keys
  TERM=dumb perl -e "$reset" script -qfc "bash --norc --noprofile -i" shown <keys >/dev/null 2>&1 3>&- &
  exec 9>keys
  printf 'PS1=; stty -echo; echo $$ >shell; echo "pty"-ready\n' >&9
  wait_for grep -q pty-ready shown
}
type() { printf "$1" >&9; }

@test "on a terminal the command shares condolock's group, and gets Ctrl-C once" {
  pty
  # perl's undeferred handler acts on each signal at once. With deferred ones, two signals in quick succession count as one.
  cat >child <<'END'
my ($condolock) = `ps -o ppid= -p @{[getppid]}` =~ /(\d+)/; # its parent is the keeper
open(my $group, ">", "group"); print $group getpgrp(0), "\n", getpgrp($condolock), "\n"; close $group;
use POSIX;
open(my $got, ">", "got");
POSIX::sigaction(SIGINT, POSIX::SigAction->new(sub { syswrite($got, "INT\n") }));
open(my $ready, ">", "ready");
select(undef, undef, undef, 0.01) until -e "stop";
END
  type '"$CONDOLOCK" run --key K -- perl child; echo "code"-$?\n'
  wait_for test -e ready
  [ "$(uniq group | wc -l)" -eq 1 ]
  type '\003'
  wait_for test -s got
  # A second INT would arrive before any later signal.
  : >stop
  wait_for grep -q code-0 shown
  [ "$(wc -l <got)" -eq 1 ]
  exec 9>&-
}

@test "on a terminal Ctrl-C ends a plain command with 130" {
  pty
  type '"$CONDOLOCK" run --key K -- sh -c ": >ready; exec sleep 60"; echo "code"-$?\n'
  wait_for test -e ready
  type '\003'
  wait_for grep -q code-130 shown
  [ "$(job K outcome)" = failed ]
  exec 9>&-
}

@test "on a terminal Ctrl-Z and fg work, and the command can read the terminal" {
  pty
  type '"$CONDOLOCK" run --key K -- sh -c ": >ready; read line; echo got-\\$line; exit 5"; echo "code"-$?\n'
  wait_for test -e ready
  type '\032'
  wait_for grep -q code-148 shown
  type 'fg\n'
  local holder
  holder=$(job K h_who)
  wait_for sh -c 'ps -o stat= -p "$1" | grep -q "+"' sh "${holder% *}"
  type 'words\n'
  wait_for grep -q got-words shown
  wait_for sh -c 'redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" outcome | grep -q failed'
  [ "$(job K code)" = 5 ]
  exec 9>&-
}

@test "on a terminal fg continues the command once" {
  pty
  cat >child <<'END'
use POSIX;
open(my $got, ">", "got");
POSIX::sigaction(SIGCONT, POSIX::SigAction->new(sub { syswrite($got, "CONT\n") }));
open(my $ready, ">", "ready");
select(undef, undef, undef, 0.01) until -e "stop";
END
  type '"$CONDOLOCK" run --key K -- perl child; echo "code"-$?\n'
  wait_for test -e ready
  type '\032'
  wait_for grep -q code-148 shown
  type 'fg; echo "code"-$?\n'
  wait_for test -s got
  : >stop
  wait_for grep -q code-0 shown
  [ "$(wc -l <got)" -eq 1 ]
  exec 9>&-
}

@test "on a terminal a command that must be stopped ends with all its descendants, and the rest of the pipeline goes on" {
  pty
  cat >child <<'END'
setsid sh -c 'trap "" TERM; echo $$ >apart; while :; do sleep 0.01; done' &
(sh -c 'trap "" TERM; echo $$ >orphan; while :; do sleep 0.01; done' &)
trap '' TERM
while [ ! -s apart ] || [ ! -s orphan ]; do sleep 0.01; done
: >ready
while :; do sleep 0.01; done
END
  type '"$CONDOLOCK" run --key K --timeout 5 -k 100ms -- bash child | { cat; echo "pipeline"-lives; }; echo "code"-${PIPESTATUS[0]}\n'
  wait_for test -e ready
  wait_for grep -q pipeline-lives shown
  wait_for grep -q code-124 shown
  wait_for gone "$(cat apart)"
  wait_for gone "$(cat orphan)"
  exec 9>&-
}

@test "the end of a command that ends at once is always seen at once" {
  # If condolock missed the end, it would see it only at the first renewal, ten minutes later.
  for i in $(seq 60); do timeout 60 "$CONDOLOCK" run --key K --lease 1h -- true; done
  [ "$(job K runs)" = 60 ]
}

@test "on a terminal a command is stopped without its caller's other children" {
  pty
  # In bash the reader of >(...) is a child of the process that becomes condolock.
  type '"$CONDOLOCK" run --key K --timeout 300ms -k 100ms -- sh -c "trap \"\" TERM; while :; do sleep 0.01; done" 2> >(cat >log; echo end >>log); echo "code"-$?\n'
  wait_for grep -q code-124 shown
  wait_for grep -q '^end' log
  grep -q 'ran longer than --timeout' log
  exec 9>&-
}

@test "on a terminal a command that stops itself stops the job, and --timeout still ends it" {
  pty
  type '"$CONDOLOCK" run --key K --timeout 5 -k 60 -- sh -c "echo \$\$ >pid; kill -STOP \$\$; sleep 60"; echo "code"-$?\n'
  wait_for grep -q code-147 shown
  wait_for gone "$(cat pid)" # the keeper has ended it, since condolock is stopped
  type 'fg; echo "again"-$?\n'
  wait_for grep -q again-124 shown
  [ "$(job K code)" = 143 ]
  exec 9>&-
}

@test "on a terminal fg continues a command that stopped itself" {
  pty
  type '"$CONDOLOCK" run --key K -- sh -c "kill -STOP \$\$; exit 6"; echo "code"-$?\n'
  wait_for grep -q code-147 shown
  type 'fg; echo "again"-$?\n'
  wait_for grep -q again-6 shown
  exec 9>&-
}

@test "a background job of a terminal that stopped to read: TERM ends it when it is continued" {
  pty
  type '"$CONDOLOCK" run --key K -- sh -c "echo \$\$ >pid; read line" & echo $! >ours; wait $!; echo "code"-$?\n'
  wait_for test -s pid
  wait_for is_in_state "$(cat pid)" T
  wait_for test -s ours
  wait_for is_in_state "$(cat ours)" T
  kill -TERM "$(cat ours)"
  kill -CONT "$(cat ours)"
  wait_for gone "$(cat pid)"
  recorded() { [ "$(job K code)" = 143 ]; }
  wait_for recorded
  exec 9>&-
}

# As with flock.
@test "on a terminal a background job that reads it stops as a whole, and fg makes it read" {
  for guard in '"$CONDOLOCK" run --key K --' 'flock lock'; do
    rm -f pid keys
    pty
    type "$guard"' sh -c "echo \$\$ >pid; read x; echo got-\$x" &\n'
    wait_for test -s pid
    wait_for is_in_state "$(cat pid)" T
    type 'fg; echo "code"-$?\n'
    wait_for is_foreground "$(cat pid)"
    type 'word\n'
    wait_for grep -q got-word shown
    wait_for grep -q code-0 shown
    exec 9>&-
    wait_for gone "$(cat pid)"
  done
}
is_foreground() { ps -o stat= -p "$1" | grep -q '^S.*+'; }

@test "on a terminal with tostop, a message does not stop condolock, and no command starts with an old lease" {
  pty
  type 'stty tostop; "$CONDOLOCK" run --key K -- sh -c ": >ran" &\n'
  wait_for test -e ran
  wait_for grep -q 'running K' shown
  exec 9>&-
}

@test "on a terminal Ctrl-Z for longer than the lease: the keeper ends the run" {
  pty
  type '"$CONDOLOCK" run --key K --lease 4s -- sh -c "echo \$\$ >pid; exec sleep 60"; echo "code"-$?\n'
  wait_for test -s pid
  type '\032'
  wait_for grep -q code-148 shown
  wait_for gone "$(cat pid)"
  type 'fg; echo "again"-$?\n'
  wait_for grep -q again-79 shown
  exec 9>&-
}

@test "on a terminal a shell as the command has job control, and gives the terminal back" {
  pty
  type '"$CONDOLOCK" run --key K -- bash --norc --noprofile -i; echo "code"-$?\n'
  wait_for held K
  type 'PS1=; sleep 60\n'
  local holder
  holder=$(job K h_who)
  wait_for sh -c 'ps -o stat=,args= -t "$(ps -o tty= -p "$1" | tr -d " ")" | grep -qE "^S[^ ]*[+] +sleep 60"' sh "${holder% *}"
  type '\032'
  # A shell that has a stopped job does not exit at once.
  type 'echo "inner"-$?; kill -KILL %%1; disown %%1; exit 3\n'
  wait_for grep -q inner-148 shown
  wait_for grep -q code-3 shown
  type 'echo "still"-here\n'
  wait_for grep -q still-here shown
  exec 9>&-
}

@test "a background job of a terminal that stopped to read: fg and Ctrl-C end it" {
  pty
  type '"$CONDOLOCK" run --key K -- sh -c "echo \$\$ >pid; read line" & echo $! >ours\n'
  wait_for test -s pid
  wait_for is_in_state "$(cat pid)" T
  type 'fg; echo "code"-$?\n'
  wait_for sh -c 'ps -o stat= -p "$(cat ours)" | grep -q "+"'
  type '\003'
  wait_for gone "$(cat pid)"
  wait_for grep -q code-130 shown
  exec 9>&-
}

@test "the terminal of a session that condolock leads hangs up: the command gets HUP, even if it is stopped" {
  for then in 'exec sleep 60' 'kill -STOP $$'; do
    rm -f pid
    echo "echo \$PPID >ours; echo \$\$ >pid; $then" >child
    perl -e "$reset" script -qfc 'exec "$CONDOLOCK" run --key K -- sh child' shown <&- >/dev/null 2>&1 3>&- &
    wait_for test -s pid
    case $then in kill*) wait_for is_in_state "$(cat pid)" T ;; esac
    ours=$(cat ours)
    leads_its_session() { [ "$(ps -o sid= -p "$ours" | tr -d ' ')" = "$ours" ]; }
    wait_for leads_its_session
    put_down $! # this closes the terminal's other side
    wait_for gone "$(cat pid)"
    recorded() { [ "$(job K code)" = 129 ]; }
    wait_for recorded
    redis DEL '{condolock}:job:K' >/dev/null
  done
}

# In a shell on a terminal, a pager behaves with condolock before the command as with a plain lock.
@test "on a terminal in a pipeline into less: keys reach less, q ends the command, Ctrl-Z and fg work" {
  for guard in '"$CONDOLOCK" run --key K --' 'flock lock'; do
    rm -f keys shown
    pty
    # The command fills the pipe, so it lives until less closes it.
    type "TERM=vt100 $guard"' seq 1000000 | TERM=vt100 LESS= less; echo "code"-${PIPESTATUS[0]}\n'
    wait_for grep -q '^23' shown
    type_until '/^4321\n' grep -q '^4322' shown
    type_until '\032' grep -qi stopped shown
    type 'fg\n'
    is_over() { [ -z "$(job K h_token)" ] && ! pgrep -s "$(terminal_session)" -x seq; }
    type_until 'q\n' is_over
    type 'echo "still"-here\n'
    wait_for grep -q still-here shown
    exec 9>&-
  done
}
# The shell of the pty leads its own session.
terminal_session() { cat shell; }
# type_until KEYS COMMAND...: types the keys each second until the command succeeds. less loses the effect of a key that
# arrives just before it reads the next one (Ctrl-Z: it stops only after one more key).
type_until() {
  local keys=$1
  shift
  typed() {
    local times=0
    type "$keys"
    until "$@"; do
      ((++times < 100)) || return 1
      sleep 0.01
    done
  }
  wait_for typed "$@"
}

@test "on a terminal that is closed, the command in the foreground gets HUP and ends, as with flock and timeout" {
  echo 'trap "echo HUP >>got; exit 3" HUP; echo $$ >pid; while :; do sleep 0.01; done' >child
  for guard in '"$CONDOLOCK" run --key K --' 'flock lock' 'timeout --foreground 60'; do
    rm -f keys got pid
    pty
    shell=$!
    type "$guard"' sh child\n'
    wait_for test -s pid
    put_down "$shell" # this closes the terminal's other side
    exec 9>&-
    wait_for gone "$(cat pid)"
    [ "$(sort -u got)" = HUP ]
  done
  recorded() { [ "$(job K code)" = 3 ]; }
  wait_for recorded
  [ "$(job K h_token)" = '' ]
}

@test "on a terminal that is closed, a command that ignores HUP goes on under its lease, as with flock" {
  echo 'trap "" HUP; echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done; touch done' >child
  for guard in '"$CONDOLOCK" run --key K --lease 6s --' 'flock lock'; do
    rm -f keys pid go
    pty
    shell=$!
    type "$guard"' sh child\n'
    wait_for test -s pid
    put_down "$shell"
    exec 9>&-
    [[ $guard == flock* ]] || wait_for outlived K
    expect_code 1 gone "$(cat pid)"
    [[ $guard == flock* ]] || expect_code 75 "$CONDOLOCK" run --key K -- true
    touch go
    wait_for test -e done
    rm done
  done
  recorded() { [ "$(job K outcome)" = success ]; }
  wait_for recorded
}

# As "without /proc" and "without a free descriptor" of keeper.bats, but the command shares condolock's process group.
@test "on a terminal without /proc, the command is still stopped" {
  pty
  echo 'trap "" TERM; echo $$ >pid; while :; do sleep 0.01; done' >child
  cat >without_proc <<'END'
{ mount --make-rprivate / 2>/dev/null || :; } && mount -t tmpfs none /proc && exec "$@"
END
  type 'unshare --mount --propagation unchanged sh without_proc "$CONDOLOCK" run --key K --timeout 5s -k 100ms -- sh child; echo "code"-$?\n'
  wait_for grep -q code-124 shown
  wait_for gone "$(cat pid)"
  exec 9>&-
}

@test "on a terminal without a free descriptor, the command is still stopped" {
  pty
  cat >few <<'END'
# As many descriptors as the start of the command needs, and no more.
for my $limit (3 .. 40) { my $pid = fork // die; if (!$pid) { exec "prlimit", "--nofile=$limit", @ARGV or die } waitpid $pid, 0; print $? >> 8, "\n" }
END
  type 'perl few "$CONDOLOCK" run --key K --timeout 100ms -- sleep 30 >codes 2>/dev/null; echo "few"-done\n'
  wait_for grep -q few-done shown
  grep -q '^124$' codes
  expect_code 1 grep -vE '^(124|69|70|126|127)$' codes
  expect_code 1 pgrep -s "$(terminal_session)" -x sleep
  type 'echo "still"-here\n'
  wait_for grep -q still-here shown
  exec 9>&-
}
