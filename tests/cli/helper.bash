# Shared by the .bats files: a private redis-server for each file, on a Unix socket, and an environment without the caller's
# settings. CONDOLOCK is the built program, FAULT_PROXY and SCHEMA_CHECK those of tests/support.

bats_require_minimum_version 1.5.0

setup_file() {
  REDIS_DIR=$(mktemp -d "${BATS_TMPDIR:-/tmp}/condolock-cli-XXXXXX")
  export REDIS_DIR
  start_redis "$REDIS_DIR/redis.sock" "$REDIS_DIR/pid"
}

teardown_file() {
  local file
  for file in "$REDIS_DIR"/*pid; do put_down "$(cat "$file")"; done
  rm -rf "$REDIS_DIR"
}

# Removes the caller's variables that the program, or a program in the tests, reads. Without SHELL, script(1) always uses sh.
clear_environment() {
  unset "${!CONDOLOCK_@}" REDIS_URL REDISCLI_AUTH CREDENTIALS_DIRECTORY CI NO_COLOR SHELL SUDO_USER LOGNAME COLUMNS LINES \
    LANG LANGUAGE "${!LC_@}" XDG_STATE_HOME
  export TZ=UTC0 LC_ALL=C.UTF-8 XDG_CONFIG_HOME=/dev/null
}

setup() { start_case; }

start_case() {
  clear_environment
  export CONDOLOCK_URL="unix://$REDIS_DIR/redis.sock"
  redis FLUSHALL >/dev/null
  cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
  if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -s "${BATS_TEST_TMPDIR}/shell" ]; then # a test on a terminal
    echo "the terminal showed:"
    cat -v "$BATS_TEST_TMPDIR/shown"
    ps -o pid,ppid,pgid,sid,tpgid,stat,wchan:20,args -s "$(cat "$BATS_TEST_TMPDIR/shell")"
  fi
  end_case
}

# Ends what a failed test left behind: its jobs, and all processes in its directory.
end_case() {
  local pid link
  for pid in $(jobs -p); do put_down "$pid"; done
  for link in /proc/[0-9]*/cwd; do
    pid=${link#/proc/}
    pid=${pid%/cwd}
    [[ "$(readlink "$link" 2>/dev/null)" != "$BATS_TEST_TMPDIR"* || $pid == "$$" || $pid == "$BASHPID" ]] || put_down "$pid"
  done
}

# Kills without a message of the shell. A process ID may have been reused by another suite's process or by bats itself. So
# this kills only a child of this shell, or a process that works in a directory of this suite.
put_down() {
  is_ours "$1" || return 0
  { kill -KILL "$1" && wait "$1"; } 2>/dev/null || true
}
is_ours() {
  [ "$(ps -o ppid= -p "$1" 2>/dev/null | tr -d ' ')" != "$BASHPID" ] || return 0
  case "$(readlink "/proc/$1/cwd" 2>/dev/null || true)" in "${BATS_TEST_TMPDIR:-$REDIS_DIR}"* | "${REDIS_DIR:-/nowhere}"*) ;; *) return 1 ;; esac
}

# start_redis SOCKET PIDFILE [OPTION...]
start_redis() {
  local socket=$1 pidfile=$2
  shift 2
  redis-server --port 0 --unixsocket "$socket" --save '' --dir "$REDIS_DIR" --logfile "$pidfile.log" "$@" >/dev/null 3>&- &
  echo $! >"$pidfile"
  wait_for redis-cli -s "$socket" PING
}

redis() { redis-cli -s "$REDIS_DIR/redis.sock" "$@"; }

# This machine's name, and a user of it, as records have them: cut after so many bytes.
this_host() { uname -n | head -c 48; }
user_here() { echo "$1@$(uname -n)" | head -c 50; }

job() { redis HGET "{condolock}:job:$1" "$2"; }

# backdate KEY FIELD MS: sets a time of a record to that long ago.
backdate() { redis HSET "{condolock}:job:$1" "$2" $(($(server_time) - $3)) >/dev/null; }

# bats keeps a command's standard error in a file, so the lines of -v begin with the time there: see log.bats. All other
# suites compare only the rest of the line.
eval "run_of_bats$(declare -f run | sed 1s/^run//)"
run() {
  run_of_bats "$@" || return
  [ -z "${stderr-}" ] || stderr=$(sed -E 's/^[0-9-]{10}T[0-9:]{8}[+-][0-9:]{5} (condolock: )/\1/' <<<"$stderr")
  [ -z "${stderr-}" ] || mapfile -t stderr_lines < <(printf '%s\n' "$stderr" | grep -v '^$')
}

# Waits until the command succeeds; fails after two minutes, which a busy machine may need.
wait_for() {
  local until=$((SECONDS + 120))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > until)); then
      echo "in vain: $*" >&2
      return 1
    fi
    sleep 0.01
  done
}

# The server's clock in milliseconds.
server_time() { redis EVAL 'local t = redis.call("TIME") return t[1] * 1000 + math.floor(t[2] / 1000)' 0; }

# held KEY: whether the key's lease is held.
held() { [ -n "$(job "$1" h_token)" ]; }

# outlived KEY: whether the holder has had the key for longer than a lease, so has renewed it.
outlived() { (($(server_time) > $(job "$1" h_start) + $(job "$1" h_length))); }

# expect_code CODE COMMAND...: the command must end with that code. (`COMMAND || [ $? -eq CODE ]` would also accept 0, and a
# line that begins with ! never fails a test.)
expect_code() {
  local want=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" -eq "$want" ] || { echo "exit code $code, not $want: $*" >&2; return 1; }
}

# perl -e "$reset" COMMAND...: resets signals that the caller of the tests ignores (nohup: HUP). A shell without job control
# also starts background commands with INT and QUIT ignored, which they inherit.
# shellcheck disable=SC2016  # for perl
reset='$SIG{$_} = "DEFAULT" for keys %SIG; exec @ARGV or die'

# kill_within SECONDS COMMAND...: kills it at a random moment within that time. Returns 9, or the code of a command that
# ended before.
kill_within() {
  perl -e 'my $max = shift; my $pid = fork // die; if (!$pid) { exec @ARGV or die }
    select undef, undef, undef, rand $max; kill KILL => $pid; waitpid $pid, 0; exit($? & 127 || $? >> 8)' "$@"
}

# For sh in the test's directory: prints those processes that are alive; their IDs are on standard input. A process that has
# ended has no directory. A process in another directory got the number of one that has ended. The directory of another user's
# process may be hidden.
# shellcheck disable=SC2016  # for sh
still_alive='while read -r pid; do
  case $(readlink "/proc/$pid/cwd" || ! grep -qs "^State:.[^ZX]" "/proc/$pid/status" || echo "$PWD") in
    "$PWD"*) echo "$pid $(ps -o ppid=,stat=,lstart=,args= -p "$pid")" ;;
  esac
done'

# Waits until another run gets the lease of K. No process in `pids` may be alive then.
nobody_is_left_when_the_lease_is_free() {
  timeout -s KILL 100 "$CONDOLOCK" run --key K --wait 60 -- sh -c "$still_alive" <pids >alive
  [ ! -s alive ] || { echo "alive: $(cat alive)"; return 1; }
}

# gone PID: whether the process, which works in the test's directory, has ended, even if nobody has reaped it yet.
gone() {
  local directory
  if directory=$(readlink "/proc/${1:?}/cwd"); then
    [[ $directory != "$BATS_TEST_TMPDIR"* ]]
  else
    ! grep -qs '^State:.[^ZX]' "/proc/$1/status"
  fi
}

# start_proxy [RULE...]: CONDOLOCK_URL then goes through the proxy, which logs to proxy.log.
start_proxy() {
  "$FAULT_PROXY" "$BATS_TEST_TMPDIR/proxy.sock" "$REDIS_DIR/redis.sock" "$BATS_TEST_TMPDIR/proxy.log" "$@" 3>&- &
  PROXY=$!
  wait_for test -S proxy.sock
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/proxy.sock"
}

# blocked NUMBER: whether this many waiters sleep in the server.
blocked() { [ "$(redis CLIENT LIST | grep -c ' flags=b')" -eq "$1" ]; }

# fake RULE...: a fake server with these answers (tests/support/fake_redis.pl). CONDOLOCK_URL leads to it, and the file requests has its log.
fake() {
  [ -z "${FAKE:-}" ] || put_down "$FAKE"
  rm -f fake.sock requests
  perl "$SOURCE_DIR/tests/support/fake_redis.pl" fake.sock requests "$@" </dev/null 3>&- &
  FAKE=$!
  wait_for test -S fake.sock
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/fake.sock"
}
