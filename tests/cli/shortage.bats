load helper

# A machine that runs out of something at any moment: the Nth system call of a kind or the Nth allocation fails, for every N.

setup() {
  start_case
  # The command notes what it has been granted, and what the server says about that.
  cat >probe <<'END'
#!/bin/sh
echo "$CONDOLOCK_FENCE" >>ran
redis-cli -s "$REDIS_DIR/redis.sock" HMGET '{condolock}:job:K' fence h_token >>ran
END
  chmod +x probe
}

# attempt COMMAND...: runs it. Sets code, and token: the lease that is left. Then deletes the record.
attempt() {
  rm -f ran failed trace
  code=0
  # The shell would report each one that was killed by a signal. If condolock has ended, the keeper may still be ending the
  # command, which holds the pipe.
  { timeout -s KILL 30 "$@" 2>err 7>report | timeout 60 cat >out; code=${PIPESTATUS[0]}; } 2>/dev/null
  # shellcheck disable=SC2016  # for Redis
  token=$(redis EVAL 'local token = redis.call("HGET", KEYS[1], "h_token") redis.call("DEL", KEYS[1]) return token or ""' 1 '{condolock}:job:K')
}

# is_safe WHAT: the attempt did not run the command, or it ran it once, and with a lease.
is_safe() {
  local lines=()
  [ ! -e ran ] || mapfile -t lines <ran
  # A command that was stopped did not get to the end.
  [[ ${#lines[@]} -le 1 || (${#lines[@]} -eq 3 && ${lines[0]} = "${lines[1]}" && -n ${lines[2]}) ]] &&
    [[ ${#lines[@]} -eq 0 || ${lines[0]} =~ ^[0-9]+$ ]] && [[ $code -ne 0 || ${#lines[@]} -eq 3 ]] && [ "$code" -ne 137 ] && return
  echo "$1: exit code $code, the command: ${lines[*]}"
  cat err
  return 1
}

run_of_probe=(run -v --report-fd 7 --key K -- ./probe)

# fails_at CALL ERROR: each call of condolock or its keeper fails in turn. -b execve: the command itself is not traced.
fails_at() {
  local n=0
  while ((++n)); do
    [ "$n" -lt 100 ]
    attempt strace -f -qq -b execve -e trace="$1" -e inject="$1:error=$2:when=$n" -o trace "$CONDOLOCK" "${run_of_probe[@]}"
    is_safe "$1 $n"
    grep -q INJECTED trace || break
    [ "$token" = '' ] || { echo "$1 $n: exit code $code, and a lease is left"; return 1; }
  done
  # Nothing failed in the last attempt. One of these calls is needed by every run.
  [ "$code" -eq 0 ]
  echo "$1: $((n - 1))"
  injected=$((injected + n - 1))
}

@test "the Nth clone, pipe, read, write, socket call or request for memory fails: no run without a grant, and no lease is left" {
  injected=0
  for call in clone:EAGAIN pipe2:EMFILE read:EIO write:EIO write:ENOSPC sendto:ENOBUFS sendto:EPIPE recvfrom:ECONNRESET \
    recvfrom:ENOMEM socket:EMFILE connect:EAGAIN openat:ENFILE mmap:ENOMEM timerfd_create:EMFILE signalfd4:ENFILE timer_create:EAGAIN; do
    fails_at "${call%:*}" "${call#*:}"
  done
  [ "$injected" -ge 40 ]
}

@test "the Nth allocation fails: no run without a grant, and no lease is left unless the command was started" {
  local n=0 refused=0 without_keeper=0
  while ((++n)); do
    [ "$n" -lt 3000 ]
    attempt env STARVED_AT="$n" STARVED_FILE=failed "$BUILD_DIR/tests/starved" "${run_of_probe[@]}"
    is_safe "allocation $n"
    [ -e failed ] || break
    if [ "$code" -eq 69 ]; then
      grep -qx 'condolock: error: this machine has no memory left, or ulimit -v is too low' err
      refused=$((refused + 1))
    fi
    # A crash leaves the lease to expire, as a kill does: the library may end the program rather than throw.
    [[ ! -s failed && ! -e ran && $code -lt 128 ]] || continue
    without_keeper=$((without_keeper + 1))
    [ "$token" = '' ] || { echo "allocation $n: exit code $code, and a lease is left"; return 1; }
  done
  # Nothing failed in the last attempt.
  [ "$code" -eq 0 ]
  echo "$n allocations: $refused times the code 69, $without_keeper times before the keeper was started"
  [ "$refused" -ge 200 ]
  [ "$without_keeper" -ge 100 ]
}
