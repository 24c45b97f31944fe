load helper

# Every message of the program in one place: messages.txt has them as the built program prints them, with the command line
# and the exit code, so that they can be read as a whole. Each test here provokes the messages of one section, and compares.
#
#   MESSAGES_WRITE=1 bats tests/cli/messages.bats    writes the sections anew: read the difference before you commit it
#
# What differs from run to run is replaced: DIR is the test's directory, /run/redis.sock the server, HOST, PID, FENCE, <time> (a
# length), <date> and so on. No message may be longer than two lines of 100 columns.
#
# The last test takes the texts out of the sources (tests/support/message_literals.pl) and demands that each is in messages.txt,
# or in messages_elsewhere.txt with the reason why it is not.

listing=$SOURCE_DIR/tests/cli/messages.txt
elsewhere=$SOURCE_DIR/tests/cli/messages_elsewhere.txt

setup() {
  start_case
  # With CI, decisions are printed as on a terminal, and without the times of -v.
  export CI=1 LC_ALL=C.UTF-8 TZ=UTC0 HOME=$PWD/home XDG_CONFIG_HOME=$PWD/home/.config
  mkdir -p "$HOME"
  : >listed
}

# What differs from run to run, or between the versions of what condolock is built with and talks to.
stable() {
  local length='([0-9.]+(ms|s|m|h|d)){1,2}'
  sed -E \
    -e 's/^[0-9-]{10}T[0-9:]{8}[+-][0-9:]{5} condolock: /condolock: /' \
    -e "s#$BATS_TEST_TMPDIR#DIR#g; s#$REDIS_DIR/redis.sock#/run/redis.sock#g; s#$REDIS_DIR#/run#g; s#$CONDOLOCK#condolock#g; s/$(user_here "$(id -un)")/OPERATOR/g" \
    -e '/^[$#]/b' \
    -e 's/[^ ]+ \(pid [0-9]+\)/HOST (pid PID)/g; s/process [0-9]+ of/process PID of/; s/user \(uid [0-9]+\)/user (uid UID)/' \
    -e 's/\(fence [0-9]+\)/(fence FENCE)/; s/^(  fence +)[0-9]+/\1FENCE/' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}( UTC)?/<date>/g' \
    -e "s/\b$length (ago|ahead|in the future)\b/<time> \3/g; s/( |^)(for|after|in|took|another|median|longest) $length/\1\2 <time>/g" \
    -e "s/(no answer from .* within) $length/\1 <time>/" \
    -e "s/(<date>) +$length/\1 <time>/; s/(round trip +)$length|$length \(median/\1<time> (median/; s/<time> \(median \(median/<time> (median/" \
    -e 's/\b(condolock|Redis|Valkey) [0-9]+\.[0-9]+\.[0-9]+/\1 VERSION/; s/Valkey VERSION/Redis VERSION/' \
    -e 's/ERR (The user executing the script|ACL failure in script).*/NOT PERMITTED/; s/: Error while parsing.* \(strings/: ERROR (strings/' \
    -e 's/(no\.invalid: ).*/\1ERROR/; s/NOPERM User [a-z]+ has no/NOPERM this user has no/' \
    -e 's/the reply has a type unknown to RESP2/Protocol error, got "," as reply type byte/' \
    -e '/<time>|<date>|^KEY |^ *BEGAN|  never  /s/  +/  /g'
}

# says [NAME=VALUE...] ARG...: records the command line, the exit code and standard error.
# shows: records standard output, too.
says() { take_down err "$@"; }
shows() { take_down out+err "$@"; }
take_down() {
  local what=$1 code=0 variables=() word
  shift
  while [[ ${1-} =~ ^[A-Z_]+= ]]; do variables+=("$1") && shift; done
  env "${variables[@]}" "$CONDOLOCK" "$@" >out 2>err </dev/null || code=$?
  note "$what" "$code" "${variables[@]}" condolock "$@"
}

# note WHAT CODE WORD...: records a command that was run already, with its output in out and err.
note() {
  local what=$1 code=$2 word line=
  shift 2
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word=$(perl -e '$_ = shift; s/([^ -~])/sprintf "\\x%02x", ord $1/ge; print "\x27$_\x27"' "$word")
    [ ${#word} -le 200 ] || word=${word:0:20}...
    line+=" $word"
  done
  {
    echo "\$$line"
    [[ $what != out* ]] || cat out
    cat err
    [ "$code" -eq 0 ] || echo "[$code]"
  } | stable | sed 's/^$/ /' >>listed
}

# background ARG...: starts a run in the background. ended records it at its end.
background() {
  background=("$@")
  "$CONDOLOCK" "$@" >out.b 2>err.b </dev/null 3>&- &
  background_pid=$!
}
ended() {
  local code=0
  wait "$background_pid" || code=$?
  mv out.b out && mv err.b err
  note err "$code" condolock "${background[@]}"
}

remark() { echo "# $*" >>listed; }

# section NAME: what was recorded must be that section.
section() {
  local long
  long=$(grep -E '^condolock: ' listed | awk 'length > 200' || true)
  [ -z "$long" ] || { echo "longer than two lines: $long"; return 1; }
  if [ -n "${MESSAGES_WRITE-}" ]; then
    touch "$listing"
    # shellcheck disable=SC2016
    perl -e 'my ($name, $from, $to) = @ARGV; local $/; my %sections; my @order;
      open my $in, "<", $to; my $all = <$in>;
      for (split /^(?==== )/m, $all) { next unless /^=== (.*) ===\n/; push @order, $1 unless $sections{$1}; $sections{$1} = $_ }
      open $in, "<", $from; push @order, $name unless $sections{$name}; $sections{$name} = "=== $name ===\n\n" . <$in> . "\n";
      open my $out, ">", $to; print $out @sections{sort @order}' "$1" listed "$listing"
    return 0
  fi
  diff <(echo "$(sed -n "/^=== $1 ===\$/,/^=== /p" "$listing" | sed -e 1,2d -e '/^=== /,$d')") listed
}

@test "help" {
  shows --help
  for command in run check touch status list history pause resume unlock reset doctor completion help version; do shows "$command" --help; done
  section '01 help'
}

@test "command lines" {
  says
  says rnu
  says help rnu
  says help run more
  says --nonsense
  says --key K -- true
  says run
  says run --key K
  says run K
  says run --key K --
  says run --key K true
  says run --key K --accesed-prior a:5 -- true
  says run --key K --lease -- true
  says run --key K --force=1 -- true
  says run --key K --lease 5 --lease 6 -- true
  says run --key '' -- true
  says run --key "$(printf 'k%.0s' {1..1025})" -- true
  says run --key K -n --wait 5 -- true
  says run --key K --once x --slots 2 -- true
  says run --key K --once x --on-unreachable run -- true
  says run --key K --min-time-from start -- true
  says run --key K --report-fd 2 -- true
  says run --key K --report-fd 9 -- true
  "$CONDOLOCK" run --key K --report-fd 9 -- true 9</dev/null >out 2>err || note err $? condolock run --key K --report-fd 9 -- true '9</dev/null'
  says check
  says status
  says status --json=1 K
  says touch a b
  says list a b
  says list --json --plain
  says doctor x
  says completion
  says completion tcsh
  says completion bash zsh
  says pause K --reason "$(printf 'r%.0s' {1..65})"
  says reset K
  says version x
  "$CONDOLOCK" --version 2>err >/dev/full || note err $? condolock --version '>/dev/full'
  says pause --all K
  says pause
  says reset --older-than 90d --key K
  says history --since tomorrow
  says run --key K --signal CHLD -- true
  says run --key K --on-failure ' ' -- true
  section '02 command lines'
}

@test "values" {
  for text in abc '' ' 5' -5 5M 5foo '5 6' 0.00001s 200000w; do says run --key K --lease "$text" -- true; done
  says run --key K --lease 10ms -- true
  says run --key K --slots 0 -- true
  says run --key K -E 256 -- true
  says run --key K --leftovers eat -- true
  says run --key K --on-unreachable wait -- true
  says run --key K --min-time 5 --min-time-from middle -- true
  says run --key K --accessed-prior checking -- true
  says run --key K --accessed-prior a:0 -- true
  says run --key K --max-failures 0 -- true
  says run --key K --max-runs 5 -- true
  says run --key K --max-runs 0/1h -- true
  says run --key K --max-runs 5/0 -- true
  says run --key K --once '' -- true
  says run --key K --forget-after 1h --min-time 2h -- true
  says run --key K --forget-after 1h --once x -- true
  says run --key K --sentinel-user u -- true
  says run --key K --url "file:$PWD/d" --wait-replicas 1 -- true
  says run --key K --color blue -- true
  says run --key K --namespace 'a b' -- true
  says CONDOLOCK_LEASE=abc run --key K -- true
  says CONDOLOCK_VERBOSE=perhaps run --key K -- true
  says CONDOLOCK_WAIT=soon run --key K -- true
  section '03 values'
}

@test "URLs" {
  for url in '' http://h files:/d localhost:6379 redis:localhost redis://h1,h2 redis:///0 redis://::1 redis://u:p@fe80::1:6379/0 redis://h:1:2 'redis://[::1' 'redis://[h]' \
    'redis://[::1]x' redis://h:0 redis://h:70000 redis://h/x 'redis://h?db=1' 'redis://u:a/b@h' 'redis://u:100%@h' 'redis://u:p w@h' \
    $'redis://h\n' '"redis://h"' unix://rel 'unix:///s?x=1' 'unix:///s?db=x' unix:///100% unix:///a%00b "unix:///$(printf 's%.0s' {1..120})" \
    redis+sentinel://h 'redis+sentinel://h/m%' redis+cluster://h/1 file:here file:// file://host/d unix:///run/ 'file:/d?x=1'; do
    says status --url "$url" K
  done
  says HOME= XDG_CONFIG_HOME= status --url file: K
  says --config /dev/null status --url "unix://:secret@$PWD/nobody" K
  section '04 URLs'
}

@test "config file" {
  config=$PWD/config.toml
  of() { printf '%b\n' "$1" >"$config" && remark "$1" && says --config "$config" run --key K -- true; }
  of 'leese = "1m"'
  of '[run]'
  of 'lease = 1m'
  of 'lease = "soon"'
  of 'lease = ["1m", "2m"]'
  of 'lease = 2026-11-24'
  of 'quiet = "perhaps"'
  of 'lease = {}'
  of 'lease = 5 "m"'
  of 'lease = a = b'
  of 'lease = a"b"'
  of 'lease = 1Tx'
  of 'lease = ü'
  of 'lease = "\xff"'
  of 'lease = "\x07"'
  of 'namespace = "a b"'
  chmod 666 "$config"
  says --config "$config" run --key K -- true
  chmod 600 "$config"
  chown 12345 "$config"
  says --config "$config" run --key K -- true
  says --config "$PWD/none" run --key K -- true
  says --config "$PWD" run --key K -- true
  section '05 config file'
}

@test "passwords" {
  redis ACL SETUSER job on '>pw' '~*' +@all >/dev/null
  redis ACL SETUSER default off >/dev/null
  says touch K
  says touch K --user job
  says CONDOLOCK_PASSWORD=wrong touch K --user job
  says CONDOLOCK_RUN_ID=x touch K
  says --url "unix://job:pw@$REDIS_DIR/redis.sock" touch K
  echo pw >password
  says touch K --user job --password-file password
  chmod 600 password
  : >empty
  printf 'p\0w\n' >zero
  head -c 70000 /dev/zero | tr '\0' x >long
  mkfifo -m 600 fifo
  chmod 600 empty zero long
  for file in empty zero long fifo none; do says touch K --user job --password-file $file; done
  mkdir credentials
  : >credentials/condolock.password
  says CREDENTIALS_DIRECTORY="$PWD/credentials" touch K --user job
  echo pw >credentials/condolock.password
  chmod 644 credentials/condolock.password
  says CREDENTIALS_DIRECTORY="$PWD/credentials" touch K --user job
  echo "url = \"unix://job:pw@$REDIS_DIR/redis.sock\"" >config.toml
  chmod 644 config.toml
  unset CONDOLOCK_URL
  says --config config.toml touch K
  says --config '' touch K
  says --password-file '' touch K
  shows --config config.toml doctor
  redis --user job --pass pw ACL SETUSER default on >/dev/null 2>&1
  redis ACL DELUSER job >/dev/null
  section '06 passwords'
}

@test "a run that is skipped" {
  "$CONDOLOCK" touch -q fresh
  "$CONDOLOCK" touch -q --failed failing
  says run --key fresh --min-time 1h -- true
  says run --key fresh --min-time 1h --min-time-from start -- true
  says run --key K --accessed-prior none:5m -- true
  says run --key K --accessed-prior failing:5m -- true
  backdate fresh ended 60000
  backdate fresh ok_end 60000
  says run --key K --accessed-prior fresh:5s -- true
  says run --key K --after none -- true
  backdate failing ended 60000
  "$CONDOLOCK" run -q --key later -- true
  "$CONDOLOCK" touch -q later
  says run --key later --after fresh -- true
  says run --key failing --retry-after 1h -- true
  says run --key failing --max-failures 1 -- true
  "$CONDOLOCK" run -q --key often --max-runs 1/1h --once x -- true
  says run --key often --max-runs 1/1h -- true
  says run --key often --once x -- true
  "$CONDOLOCK" pause -q K
  says run --key K -- true
  "$CONDOLOCK" pause -q K --for 1h --reason 'database upgrade'
  says run --key K -- true
  "$CONDOLOCK" run -q --key held -- sleep 60 3>&- &
  "$CONDOLOCK" run -q --key slots --slots 2 -- sleep 60 3>&- &
  "$CONDOLOCK" run -q --key slots --slots 2 -- sleep 60 3>&- &
  wait_for held held
  wait_for sh -c "[ \$(redis-cli -s '$REDIS_DIR/redis.sock' HLEN '{condolock}:slots:slots') = 2 ]"
  says run --key held -- true
  says run --key K --force --wait 2s --not-running held -- true
  says run --key L --not-running held -- true
  says run --key L --not-running held --wait 2s -- true
  says run --key slots --slots 2 -- true
  says run --key slots --slots 3 -- true
  says run --key outer -- "$CONDOLOCK" run --key outer --wait 5 -- true
  says run --key outer -- "$CONDOLOCK" run --key inner --wait 5 --not-running outer -- true
  says run --key A --jitter 1ms --on-unreachable skip --url "unix://$PWD/nobody" -- true
  section '07 a run that is skipped'
}

@test "a run and its outcome" {
  says run --key K -- true
  says run --key K -- sh -c 'exit 4'
  says run --key K --success-code 4 -- sh -c 'exit 4'
  says run --key K --timeout 50ms -- sleep 60
  says run --key K -- no-such-command
  says run --key K -- 'ls -la'
  says run --key K -- 'ls -la' /
  says run --key K -- cd /
  says run --key K -- source x
  says run --key K -- A=b cmd
  says run --key K -- A=b
  says run --key K -- -v true
  says run --key K -- $'true\r'
  says run --key K -- ./nothing
  says run --key K -- /
  printf '#!/no/interpreter\n' >script
  chmod +x script
  says run --key K -- ./script
  printf '#!/bin/sh\r\n' >crlf
  chmod +x crlf
  says run --key K -- ./crlf
  : >plain
  says run --key K -- ./plain
  PATH=$PWD:$PATH says run --key K -- plain
  says run --key K --on-unreachable run --url "unix://$PWD/nobody" -- true
  says run --key K --wait 300ms --url "unix://$PWD/nobody" -- true
  background run --key K --wait forever --url "unix://$PWD/nobody" -- true
  wait_for grep -q retries err.b
  kill -TERM "$background_pid"
  ended
  says run --key K -- sh -c '"$CONDOLOCK" unlock -q --now K 2>/dev/null'
  remark 'without the right to signal the other user'
  chmod 777 .
  local code=0
  setpriv --inh-caps -kill --bounding-set -kill "$CONDOLOCK" run --key K --timeout 200ms -k 100ms -- \
    setpriv --reuid 4711 --clear-groups sh -c 'while [ ! -e go ]; do sleep 0.01; done' >out 2>err 3>&- &
  wait_for grep -q 'cannot stop process' err
  touch go
  wait $! || code=$?
  note err $code condolock run --key K --timeout 200ms -k 100ms -- setpriv --reuid 4711 ...
  says run --key K --on-success 'exit 3' -- true
  says run --key K --on-failure 'echo the hook >&2' --signal INT -- false
  section '08 a run and its outcome'
}

@test "a lease that is lost" {
  background run --key K --lease 12s -- sleep 60
  wait_for held K
  "$CONDOLOCK" unlock -q K
  ended
  background run --key K --lease 12s -- sleep 60
  wait_for held K
  "$CONDOLOCK" unlock -q --now K
  ended
  background run --key K --lease 30s -- sleep 60
  wait_for held K
  redis DEL '{condolock}:job:K' >/dev/null
  "$CONDOLOCK" run -q --key K -- true
  ended
  # A server that is down, and up again in time.
  start_proxy
  # shellcheck disable=SC2016  # for sh
  background run -v --key K --lease 20s --redis-timeout 500ms -- sh -c 'until [ -e go ]; do sleep 0.1; done'
  wait_for held K
  kill -USR1 "$PROXY"
  wait_for grep -q 'cannot renew' err.b
  kill -USR2 "$PROXY"
  wait_for grep -q 'renewed again' err.b
  touch go
  ended
  background run --key K --lease 4s --redis-timeout 1s --record-timeout 1s -- sleep 60
  wait_for held K
  kill -USR1 "$PROXY"
  ended
  kill -USR2 "$PROXY"
  export CONDOLOCK_URL=unix://$REDIS_DIR/redis.sock
  redis FLUSHALL >/dev/null
  # A server that loses its data.
  background run --key K --lease 12s -- sleep 6
  wait_for held K
  redis FLUSHALL >/dev/null
  ended
  # A success that cannot be recorded, and a failure.
  for code in 0 3; do
    rm -f proxy.sock
    start_proxy
    export PROXY
    # shellcheck disable=SC2016  # for the command
    says run --key K$code --redis-timeout 1s --record-timeout 1s -- sh -c 'kill -USR1 $PROXY; exit '$code
    put_down "$PROXY"
    export CONDOLOCK_URL=unix://$REDIS_DIR/redis.sock
  done
  # Only condolock itself can see this: the keeper is killed.
  background run --key K -- sleep 60
  wait_for pgrep -P "$background_pid" lease-keeper
  wait_for pgrep -P "$(pgrep -P "$background_pid" lease-keeper)" sleep
  kill -KILL "$(pgrep -P "$background_pid" lease-keeper)"
  ended
  section '09 a lease that is lost'
}

@test "operators' commands" {
  shows touch K
  shows touch K --failed
  shows status K none
  shows list
  shows list 'x*'
  shows history K
  shows history nobody
  "$CONDOLOCK" run -q --key silent --history 0 -- true
  shows history silent
  shows check --key K --min-time 1h --retry-after 1h --max-failures 1 --max-runs 5/1h --once x --after K --not-running K --accessed-prior K:5m
  shows check --key new --min-time 1h --max-failures 1
  shows pause K new 'g*'
  shows pause K --for 1h --reason 'database upgrade'
  shows check --key K
  shows status K
  shows list
  shows resume K
  shows resume K 'g*' other
  shows unlock K
  background run --key held -- sleep 60
  wait_for held held
  shows check --key held --not-running held
  shows reset --yes held
  shows list held
  shows status held
  shows unlock held
  shows list held
  shows unlock --now held
  put_down "$background_pid"
  "$CONDOLOCK" run -q --key slots --slots 2 --lease 1h -- sleep 60 3>&- &
  "$CONDOLOCK" run -q --key slots --slots 2 --lease 1h -- sleep 60 3>&- &
  wait_for sh -c "[ \$(redis-cli -s '$REDIS_DIR/redis.sock' HLEN '{condolock}:slots:slots') = 2 ]"
  shows list slots
  shows reset --yes slots
  shows unlock slots
  shows unlock --now slots
  "$CONDOLOCK" run -q --key lost --lease 1s -- sleep 60 3>&- &
  wait_for held lost
  put_down $!
  backdate lost h_until 60000
  shows status lost
  shows list lost
  shows reset --yes lost
  shows reset --yes lost
  rm -f out.b
  { wait_for grep -q 'y/N' out.b && echo n; } | script -qefc '"$CONDOLOCK" reset K' out.b >/dev/null || :
  perl -ne 's/\r|\e\[\d*m//g; print unless /^Script|^$/' out.b >out
  : >err
  note out 75 condolock reset K
  redis HSET '{condolock}:job:K' ended $(($(server_time) + 3600000)) >/dev/null
  shows status K
  "$CONDOLOCK" run -q --key held --lease 1h -- sleep 60 3>&- &
  wait_for held held
  "$CONDOLOCK" list --prometheus >out 2>/dev/null
  sed -i '/^# HELP/!d' out
  note out 0 condolock list --prometheus '| grep HELP'
  put_down $!
  redis FLUSHALL >/dev/null
  shows pause --all --for 1h --reason 'moving the database'
  "$CONDOLOCK" touch -q K
  says run --key K -- true
  shows status K
  shows pause --all
  shows list
  shows resume --all
  shows resume --all
  shows history --failed
  shows list --failed
  shows list --running
  shows reset --older-than 1d --yes
  backdate K ended 200000000
  redis HDEL '{condolock}:job:K' r_at refused_at >/dev/null
  shows reset --older-than 1d
  "$CONDOLOCK" run -q --key brief --forget-after 1h -- true
  shows status brief
  background run --key held --lease 1h -- sleep 60
  wait_for held held
  "$CONDOLOCK" unlock -q --now held
  shows status held
  shows list held
  put_down "$background_pid"
  section '10 commands for operators'
}

@test "malformed records" {
  spoil() { redis DEL "{condolock}:$1:K" >/dev/null; redis "$2" "{condolock}:$1:K" "${@:3}" >/dev/null; }
  of() { remark "$*" && spoil "$@" && says run --key K --slots 2 --max-runs 1/1h -- true && redis FLUSHALL >/dev/null; }
  of job SET x
  of job HSET a b
  of job HSET v 1 fence x
  of job HSET v 1 fence 9007199254740991
  of job HSET v 1 outcome odd
  of job HSET v 1 history_limit 10001
  of job HSET v 1 paused_why "$(printf 'r%.0s' {1..65})"
  of job HSET v 1 h_token x
  of job HSET v 99
  redis SET '{condolock}:pause' x >/dev/null
  of job HSET v 1
  redis HSET '{condolock}:pause' paused_until x >/dev/null
  of job HSET v 1
  of slots SET x
  of starts LPUSH x
  of starts HSET a b
  redis HSET '{condolock}:job:K' v 1 h_slots 2 >/dev/null
  of slots HSET t 'no holder'
  redis HSET '{condolock}:job:K' v 1 h_slots 2 >/dev/null
  of slots HSET t "$(printf 'r%.0s' {1..300})"
  redis HSET '{condolock}:job:K' v 1 h_slots 2000 >/dev/null
  of slots HSET t x
  redis EVAL 'for i = 1, 2001 do redis.call("LPUSH", KEYS[1], i) end' 1 '{condolock}:starts:K' >/dev/null
  says run --key K --max-runs 1/1h -- true
  redis FLUSHALL >/dev/null
  redis ZADD '{condolock}:once:K' 1.5 x >/dev/null
  says run --key K --once x -- true
  redis FLUSHALL >/dev/null
  "$CONDOLOCK" touch -q K
  redis LPUSH '{condolock}:runs:K' rubbish >/dev/null
  says history K
  redis LPUSH '{condolock}:runs:K' "$(printf 'r%.0s' {1..300})" >/dev/null
  says history K
  redis HSET '{condolock}:job:K' fence x >/dev/null
  says list
  says status K
  redis DEL '{condolock}:index' >/dev/null
  redis ZADD '{condolock}:index' 5 "$(printf 'k%.0s' {1..1100})" >/dev/null
  says list
  redis DEL '{condolock}:index' >/dev/null
  redis EVAL 'for i = 1, 120000 do redis.call("ZADD", KEYS[1], 5, "name" .. i) end' 1 '{condolock}:index' >/dev/null
  says list --plain
  redis DEL '{condolock}:index' >/dev/null
  redis SET '{condolock}:index' x >/dev/null
  says list
  says touch K
  section '11 malformed records'
}

@test "servers" {
  says status --url redis://127.0.0.1:1 K
  says status --url redis://no.invalid --redis-timeout 5s K
  says status --url 'redis://[fe80::1%25none]' K
  says status --url "unix://$REDIS_DIR/redis.sock?db=99" K
  remark 'in a network of its own, with no server at the default address'
  local code=0
  env -u CONDOLOCK_URL unshare --net "$CONDOLOCK" run --key K -- true >out 2>err || code=$?
  note err $code condolock run --key K -- true
  of() { remark "$*" && fake "$@" && says run --key K --redis-timeout 1s -- true; }
  of acquire=silent
  of acquire=close
  of 'acquire=raw:HTTP/1.1 400 Bad Request\r\n'
  of 'acquire=raw:-LOADING Redis is loading the dataset in memory\r\n'
  of 'acquire=raw:-READONLY You cannot write against a read only replica.\r\n'
  of 'acquire=raw:-OOM command not allowed when used memory > maxmemory\r\n'
  of "acquire=raw:-NOPERM this user has no permissions to run the 'eval' command\r\n"
  of 'acquire=raw:-NOPERM this user has no permissions to access one of the keys used as arguments\r\n'
  of 'acquire=raw:-NOPERM and no more than that\r\n'
  of "acquire=raw:-ERR unknown command 'EVALSHA', with args beginning with: '0123'\r\n"
  of 'acquire=raw:-ERR Unknown command called from script\r\n'
  of 'acquire=raw:-MOVED 866 10.0.0.2:7001\r\n'
  of 'acquire=raw:-NOSCRIPT no\r\n'
  of 'acquire=raw:*1\r\n*0\r\n'
  of 'acquire=raw:*0\r\n'
  of 'acquire=raw:,1.5\r\n'
  of 'acquire=raw:$9000000\r\n'
  of 'acquire=flood:$999999999\r\nxxxxxxxxxxxxxxxx'
  of 'acquire=many:9:*1\r\n'
  of 'acquire=what is this'
  of 'acquire=granted 0 1000 -'
  of 'acquire=granted x 1000 -'
  fake 'status=many:9:*1\r\n'
  says status K
  says status K L
  export CONDOLOCK_URL=unix://$REDIS_DIR/redis.sock
  redis CONFIG SET replica-serve-stale-data yes >/dev/null
  redis REPLICAOF 127.0.0.1 1 >/dev/null
  says status K
  says check --key K
  redis REPLICAOF NO ONE >/dev/null
  redis ACL SETUSER norole on '>pw' '~*' +@all -role >/dev/null
  says CONDOLOCK_PASSWORD=pw status --user norole K
  says CONDOLOCK_PASSWORD=pw check --user norole --key K
  redis ACL DELUSER norole >/dev/null
  section '12 servers'
}

@test "file:" {
  chmod 755 .
  of() { says --url "file:$PWD/state" touch K; }
  shows --url "file:$PWD/state" touch K
  chmod 777 state && of && chmod 700 state
  chmod 666 state/condolock.db && of && chmod 600 state/condolock.db
  chown 12345 state && of && chown 0 state
  chown 12345 state/condolock.db && of && chown 0 state/condolock.db
  ln state/condolock.db second && of && rm second
  mv state/condolock.db real && ln -s "$PWD/real" state/condolock.db && of && rm state/condolock.db
  mkdir state/condolock.db && of && rmdir state/condolock.db
  rm state/condolock.db-* && printf 'rubbish%.0s' {1..1000} >state/condolock.db && chmod 600 state/condolock.db && of
  rm state/condolock.db* && sqlite3 state/condolock.db 'CREATE TABLE t (x)' && of
  rm state/condolock.db* && sqlite3 state/condolock.db 'PRAGMA user_version = 99' && of
  rm state/condolock.db* && sqlite3 state/condolock.db 'PRAGMA user_version = 1' && of
  rm state/condolock.db* && sqlite3 state/condolock.db 'PRAGMA user_version = 3' && of
  rm -r state
  remark 'locked by another program'
  "$CONDOLOCK" --url "file:$PWD/state" touch -q K
  mkfifo hold
  printf 'BEGIN EXCLUSIVE;\n.shell touch locked\n' >begin
  cat begin hold | sqlite3 -bail state/condolock.db 3>&- &
  exec 9>hold
  wait_for test -e locked
  says --url "file:$PWD/state" run --key K --redis-timeout 300ms -- true
  exec 9>&-
  wait $!
  remark 'removed during a run'
  background --url "file:$PWD/state" run --key K -- sleep 60
  wait_for "$CONDOLOCK" check -q --url "file:$PWD/state" --key other --not-running other
  wait_for sh -c "! \"$CONDOLOCK\" check -q --url 'file:$PWD/state' --key K"
  rm state/condolock.db
  says --url "file:$PWD/state" run --key L -- true
  shows --url "file:$PWD/state" doctor
  put_down "$background_pid"
  rm -r state && mkdir target && ln -s "$PWD/target" state && of && rm state
  : >state && of && rm state
  mkdir -m 777 above && says --url "file:$PWD/above/state" touch K
  mkdir -m 1777 sticky && says --url "file:$PWD/sticky" touch K
  says --url file:/proc/nothing/state touch K
  section '13 file'
}

@test "doctor" {
  chmod 755 .
  shows doctor
  shows --url "unix://$PWD/nobody" doctor
  shows --url "file:$PWD/state" doctor
  "$CONDOLOCK" --url "file:$PWD/state" touch -q K
  shows --url "file:$PWD/state?sync=none" doctor
  sqlite3 state/condolock.db 'CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END'
  shows --url "file:$PWD/state?sync=all" doctor
  chmod 777 state
  shows --url "file:$PWD/state" doctor
  chmod 700 state
  printf 'rubbish%.0s' {1..1000} >state/condolock.db && rm -f state/condolock.db-*
  shows --url "file:$PWD/state" doctor
  redis ACL SETUSER weak on '>pw' '~*' +@all -info -zadd -config >/dev/null
  shows CONDOLOCK_PASSWORD=pw doctor --user weak
  redis ACL SETUSER weak reset on '>pw' '~*' +@all -config >/dev/null
  redis CONFIG SET appendonly yes >/dev/null
  shows CONDOLOCK_PASSWORD=pw doctor --user weak
  redis ACL SETUSER weak reset on '>pw' '~*' +@all -blpop >/dev/null
  shows CONDOLOCK_PASSWORD=pw doctor --user weak
  redis ACL DELUSER weak >/dev/null
  for fsync in always everysec no; do
    redis CONFIG SET appendfsync $fsync >/dev/null
    shows doctor
  done
  redis CONFIG SET appendonly no >/dev/null
  redis CONFIG SET save '60 1000' maxmemory 100mb maxmemory-policy allkeys-lru >/dev/null
  "$CONDOLOCK" touch -q K
  redis HSET '{condolock}:job:K' ended $(($(server_time) + 3600000)) >/dev/null
  shows doctor
  redis CONFIG SET maxmemory-policy volatile-lru >/dev/null
  shows doctor
  redis CONFIG SET maxmemory 0 >/dev/null
  shows doctor
  redis CONFIG SET maxmemory-policy allkeys-lru >/dev/null
  shows doctor
  redis CONFIG SET maxmemory 1 maxmemory-policy noeviction >/dev/null
  shows doctor
  redis CONFIG SET save '' maxmemory 0 >/dev/null
  redis REPLICAOF 127.0.0.1 1 >/dev/null
  shows doctor
  redis REPLICAOF NO ONE >/dev/null
  # INFO of a server that none of the others can be.
  info() { # LINE...
    local text
    printf -v text '%s\\r\\n' "$@"
    printf 'INFO=raw:$%d\\r\\n%s\\r\\n' $((${#text} - 2 * $#)) "$text"
  }
  fake "$(info redis_mode:sentinel)" && shows doctor
  fake "$(info redis_version:5.0.0)" && shows doctor
  fake "$(info redis_version:7.0.0 role:master connected_slaves:2 cluster_enabled:1 aof_enabled:0 rdb_last_bgsave_status:err \
    maxmemory_policy:noeviction maxmemory:0)" && shows doctor
  section '14 doctor'
}

@test "the advice of doctor" {
  # Each error that a server, or the way to it, can give.
  while IFS= read -r text; do
    remark "$text"
    # A server that refuses writes need not refuse PING.
    [[ $text =~ ^(MISCONF|OOM|NOREPLICAS) ]] && asked=list || asked=PING
    fake "$asked=raw:-$text\r\n"
    "$CONDOLOCK" doctor --redis-timeout 1s 2>err | awk '/^error/ { left = 2 } left-- > 0' >out
    note out 2 condolock doctor '| grep -A1 ^error'
  done <<'END'
MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk
OOM command not allowed when used memory > 'maxmemory'.
NOREPLICAS Not enough good replicas to write.
READONLY You can't write against a read only replica.
MASTERDOWN Link with MASTER is down
LOADING Redis is loading the dataset in memory
BUSY Redis is busy running a script.
CLUSTERDOWN The cluster is down
CROSSSLOT Keys in request don't hash to the same slot
ERR max number of clients reached
DENIED Redis is running in protected mode
NOSCRIPT No matching script
ERR unknown command 'PING'
NOPERM this user has no permissions to run the 'select' command
NOPERM this user has no permissions to access one of the keys
MOVED 866 10.0.0.2:7001
WRONGPASS invalid username-password pair
ERR DB index is out of range
WRONGTYPE Operation against a key holding the wrong kind of value
SOMETHING else
END
  fake 'PING=raw:HTTP/1.1 400 Bad Request\r\n' && shows doctor
  fake PING=close && shows doctor
  fake PING=silent && shows doctor --redis-timeout 200ms
  shows doctor --url redis://no.invalid --redis-timeout 5s
  section '15 advice'
}

@test "every text of the sources is in messages.txt, or has a reason not to be" {
  cd "$SOURCE_DIR"
  # Without the embedded engine's replies to scripts: their texts are Redis' own. And without the C++ library: tests/api.
  # shellcheck disable=SC2046  # no path has a space
  perl tests/support/message_literals.pl $(find src -name '*.[ch]pp' -o -name '*.lua' | grep -vE 'embedded/commands.cpp|^src/api/' | sort) >"$BATS_TEST_TMPDIR/texts"
  cd "$BATS_TEST_TMPDIR"
  [ "$(wc -l <texts)" -gt 400 ]
  # shellcheck disable=SC2016
  perl -e '
    my ($texts, $listing, $elsewhere) = map { open my $in, "<", $_ or die "$_: $!"; local $/; <$in> } @ARGV;
    my %elsewhere = map { $_ => 1 } grep { !/^(#|$)/ } split /\n/, $elsewhere;
    my $bad = 0;
    for my $text (split /\n/, $texts) {
      $text =~ s/^(\s|\\n)+|(\s|\\n)+$//g;
      my $is_listed = index($listing, $text) >= 0;
      print "not in messages.txt: $text\n" and $bad = 1 unless $is_listed || $elsewhere{$text};
      print "in messages.txt after all: $text\n" and $bad = 1 if $is_listed && $elsewhere{$text};
      $seen{$text} = 1;
    }
    for (sort keys %elsewhere) { print "not in the sources: $_\n" and $bad = 1 unless $seen{$_} }
    exit $bad' texts "$listing" "$elsewhere"
}
