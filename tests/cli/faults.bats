load helper

# A Redis that is down, lies, forgets or is silent: what condolock must survive and report.

@test "Redis is down: exit code 69 at once, and the command is not run" {
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/no.sock"
  run "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 69 ]
  [ "$output" = "condolock: error: K was not run: cannot connect to $BATS_TEST_TMPDIR/no.sock: No such file or directory" ]
  [ ! -e ran ]
  for command in 'check K' 'touch K' 'status K' 'pause K' 'resume K' 'unlock K'; do
    run "$CONDOLOCK" $command
    [ "$status" -eq 69 ]
    [ "$output" = "condolock: error: cannot connect to $BATS_TEST_TMPDIR/no.sock: No such file or directory" ]
  done
}

@test "--on-unreachable skip and run apply if no answer came" {
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/no.sock"
  run "$CONDOLOCK" run --key K --on-unreachable skip -- touch ran
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  [ ! -e ran ]
  CONDOLOCK_ON_UNREACHABLE=skip run "$CONDOLOCK" run -v -E 3 --key K -- touch ran
  [ "$status" -eq 3 ]
  [[ "$output" =~ ^'condolock: skipped K: cannot connect to ' ]]
  run --separate-stderr "$CONDOLOCK" run --key K --on-unreachable run -- sh -c 'echo "fence=$CONDOLOCK_FENCE"; exit 6'
  [ "$status" -eq 6 ]
  [ "$output" = 'fence=' ]
  [[ "$stderr" =~ 'warning: running K without a lease: cannot connect to ' ]]
  [[ "$stderr" =~ 'the result of K was not recorded' ]]
}

@test "--on-unreachable run: the end is recorded with touch when Redis is back, and the lost acquire leaves nothing" {
  "$CONDOLOCK" run --key warm -- true
  start_proxy drop-reply=1 drop-reply=2
  run "$CONDOLOCK" run --redis-timeout 1s --on-unreachable run --key K -- true
  [ "$status" -eq 0 ]
  [ "$(job K outcome)" = success ]
  [ "$(job K h_token)" = '' ]
  [ "$(job K runs)" = 1 ]
  [[ "$(redis LRANGE '{condolock}:runs:K' 0 -1)" =~ ^'0 ' ]]
}

@test "--on-unreachable does not apply to a server that answers" {
  redis CONFIG SET maxmemory 1 >/dev/null
  for what in run skip; do
    run "$CONDOLOCK" run --key K --on-unreachable "$what" -- touch ran
    [ "$status" -eq 69 ]
    [[ "$output" =~ OOM ]]
  done
  redis CONFIG SET maxmemory 0 >/dev/null
  [ ! -e ran ]
}

@test "--on-unreachable does not apply to a server with too many clients: condolock asks again, then exits with 69" {
  start_redis "$REDIS_DIR/full.sock" "$REDIS_DIR/full.pid"
  export CONDOLOCK_URL="unix://$REDIS_DIR/full.sock"
  redis-cli -s "$REDIS_DIR/full.sock" CONFIG SET maxclients 1 >/dev/null
  mkfifo hold
  "$CONDOLOCK" run --key K -- sh -c ': >began; read -r line <hold' 3>&- &
  wait_for test -e began
  for what in run skip; do
    run "$CONDOLOCK" run --redis-timeout 1s --key K --on-unreachable "$what" -- touch ran
    [ "$status" -eq 69 ]
    [[ "$output" =~ 'its last reply: ERR max number of clients reached' ]]
    run "$CONDOLOCK" check --redis-timeout 1s --key K
    [ "$status" -eq 69 ]
  done
  [ ! -e ran ]
  # When the server accepts clients again, a run that still asks is granted.
  "$CONDOLOCK" run --redis-timeout 20s --key K --on-unreachable skip -- touch ran 3>&- &
  local asking=$!
  echo >hold
  wait "$asking"
  [ -e ran ]
}

@test "a server that is busy with a script is asked again until it answers" {
  start_redis "$REDIS_DIR/busy.sock" "$REDIS_DIR/busy.pid" --busy-reply-threshold 10
  redis-cli -s "$REDIS_DIR/busy.sock" EVAL 'while true do end' 0 >/dev/null 2>&1 3>&- &
  busy() { [[ "$(redis-cli -s "$REDIS_DIR/busy.sock" PING 2>&1)" == BUSY* ]]; }
  wait_for busy
  "$FAULT_PROXY" "$PWD/proxy.sock" "$REDIS_DIR/busy.sock" "$PWD/proxy.log" 3>&- &
  wait_for test -S proxy.sock
  "$CONDOLOCK" run --url "unix://$PWD/proxy.sock" --key K --redis-timeout 100s --on-unreachable skip -- touch ran 3>&- &
  local asking=$!
  wait_for grep -q '<' proxy.log # the server has answered, with BUSY
  redis-cli -s "$REDIS_DIR/busy.sock" SCRIPT KILL
  wait "$asking"
  [ -e ran ]
}

@test "--on-unreachable does not apply to a failure on this machine: 69 names what is missing" {
  local seen=0
  for limit in $(seq 4 16); do
    rm -f ran
    run bash -c "ulimit -n $limit"' && exec "$@"' bash "$CONDOLOCK" run --key K --on-unreachable run -- touch ran
    [ "$status" -ne 0 ] || continue
    [ ! -e ran ]
    [[ "$output" == *'Too many open files'* ]] || continue
    [ "$status" -eq 69 ]
    seen=$((seen + 1))
  done
  [ "$seen" -ge 2 ]
}

@test "a wrong password, a missing one, and a user without permission: 77" {
  start_redis "$REDIS_DIR/locked.sock" "$REDIS_DIR/locked.pid" --requirepass right
  redis-cli -s "$REDIS_DIR/locked.sock" -a right --no-auth-warning ACL SETUSER weak on '>weak' '~*' '+@connection' >/dev/null
  export CONDOLOCK_URL="unix://$REDIS_DIR/locked.sock"
  run "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 77 ]
  [[ "$output" == *'(set password-file in /etc/condolock/config.toml)' ]]
  for password in wrong ''; do
    CONDOLOCK_PASSWORD=$password run "$CONDOLOCK" run --key K -- touch ran
    [ "$status" -eq 77 ]
    CONDOLOCK_PASSWORD=$password run "$CONDOLOCK" status K
    [ "$status" -eq 77 ]
  done
  CONDOLOCK_PASSWORD=weak run "$CONDOLOCK" run --user weak --key K -- touch ran
  [ "$status" -eq 77 ]
  [ ! -e ran ]
}

@test "inside a run, a command whose password was removed exits with 77, and says how to pass it on" {
  start_redis "$REDIS_DIR/nested.sock" "$REDIS_DIR/nested.pid" --requirepass right
  redis-cli -s "$REDIS_DIR/nested.sock" -a right --no-auth-warning ACL SETUSER user on '>right' '~*' '+@all' >/dev/null
  local hint="passwords are removed from a command's environment: set password-file in /etc/condolock/config.toml"
  local inner='for command in "run --key inner -- touch ran" "status outer" "touch inner" "check inner"; do "$CONDOLOCK" $command 2>>messages; echo $?; done'
  for way in "env CONDOLOCK_PASSWORD=right CONDOLOCK_URL=unix://$REDIS_DIR/nested.sock" \
    "env CONDOLOCK_PASSWORD=right CONDOLOCK_USER=user CONDOLOCK_URL=unix://$REDIS_DIR/nested.sock" \
    "env CONDOLOCK_URL=unix://user:right@$REDIS_DIR/nested.sock" "env CONDOLOCK_URL=unix://:right@$REDIS_DIR/nested.sock"; do
    rm -f messages
    run -0 --separate-stderr $way "$CONDOLOCK" run --key outer -- sh -c "$inner"
    [ "$output" = "$(printf '77\n77\n77\n77')" ] || { echo "$way: $output"; return 1; }
    [ "$(grep -cF "($hint)" messages)" -eq 4 ] || { cat messages; return 1; }
    [ "$(grep -c right messages)" -eq 0 ]
  done
  [ ! -e ran ]
  # Follows the hint. A wrong password gets another hint.
  echo right >secret
  chmod 600 secret
  run -0 env CONDOLOCK_PASSWORD_FILE="$PWD/secret" CONDOLOCK_URL="unix://$REDIS_DIR/nested.sock" "$CONDOLOCK" run --key outer -- sh -c '"$CONDOLOCK" run --key inner -- touch ran'
  [ -e ran ]
  run -77 env CONDOLOCK_PASSWORD=right CONDOLOCK_URL="unix://$REDIS_DIR/nested.sock" "$CONDOLOCK" run --key outer -- sh -c 'CONDOLOCK_PASSWORD=wrong "$CONDOLOCK" status K'
  [[ "$output" != *'taken away'* && "$output" != *"$hint"* ]]
}

@test "a wrong password is 77 even if the server then closes the connection, also with --on-unreachable" {
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "fake.sock", Listen => 5) or die; open(R, ">ready"); close(R);
    while ($c = $s->accept) { sysread($c, $_, 65536); print $c "-WRONGPASS invalid username-password pair\r\n"; close $c }' 3>&- &
  wait_for test -e ready
  start_redis "$REDIS_DIR/barred.sock" "$REDIS_DIR/barred.pid" --requirepass right
  for socket in fake.sock "$REDIS_DIR/barred.sock"; do
    for what in run skip fail; do
      CONDOLOCK_PASSWORD=wrong run timeout -s KILL 15 "$CONDOLOCK" run --url "unix://$(realpath "$socket")" --on-unreachable "$what" --key K -- touch ran
      [ "$status" -eq 77 ] || { echo "$socket $what: $status $output"; return 1; }
      [[ "$output" =~ 'WRONGPASS' ]]
    done
  done
  [ ! -e ran ]
}

@test "the permissions in the README are enough for every command" {
  rules=$(sed -n 's/^ *ACL SETUSER condolock \(.*\)$/\1/p' "$SOURCE_DIR/README.md")
  [ -n "$rules" ]
  redis ACL SETUSER condolock ${rules//>PASSWORD/>pw} | grep -qx OK
  export CONDOLOCK_USER=condolock CONDOLOCK_PASSWORD=pw
  redis SCRIPT FLUSH
  "$CONDOLOCK" touch p
  "$CONDOLOCK" check K --accessed-prior p:300
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 6s --accessed-prior p:300 -- cat hold 3>&- &
  wait_for held K
  first=$(job K h_until)
  renewed() { (($(job K h_until) > first)); }
  wait_for renewed
  : >hold
  wait $!
  expect_code 1 "$CONDOLOCK" run --key K -- false
  run -127 "$CONDOLOCK" run --key K -- /no/such
  [ "$status" -eq 127 ]
  [ "$(job K h_token)" = '' ]
  run --separate-stderr "$CONDOLOCK" status K
  [ "$status" -eq 0 ]
  [ "$stderr" = '' ]
  "$CONDOLOCK" list --json >/dev/null
  "$CONDOLOCK" history K >/dev/null
  "$CONDOLOCK" reset p --yes
  "$CONDOLOCK" pause K
  "$CONDOLOCK" resume K
  expect_code 74 "$CONDOLOCK" run --key U -- sh -c 'export CONDOLOCK_PASSWORD=pw; "$CONDOLOCK" unlock U && "$CONDOLOCK" unlock --now U' 2>/dev/null
  backdate K failed_at 0
  redis HSET '{condolock}:job:K' h_token x h_until 1 h_fence 1 h_start 1 >/dev/null
  "$CONDOLOCK" run --key K -- true # replaces a holder whose lease expired
  "$CONDOLOCK" run --key S --slots 2 -- true
  "$CONDOLOCK" run --key M --max-runs 1/1h --once x -- true
  run -127 "$CONDOLOCK" run --key N --max-runs 1/1h -- /no/such
  "$CONDOLOCK" run --key W -- cat hold 3>&- &
  wait_for held W
  "$CONDOLOCK" run --key W --wait 20 -- true 3>&- &
  wait_for blocked 1
  : >hold
  wait $!
}

@test "a database that does not exist: 78, no command, and no lease left in database 0" {
  run "$CONDOLOCK" run --url "unix://$REDIS_DIR/redis.sock?db=99" --key K -- touch ran
  [ "$status" -eq 78 ]
  [[ "$output" =~ 'DB index is out of range' ]]
  [ ! -e ran ]
  [ "$(job K h_token)" = '' ]
}

@test "a password that the server does not expect: 77, no command, and no lease left" {
  CONDOLOCK_PASSWORD=x run "$CONDOLOCK" run --user nobody --key K -- touch ran
  [ "$status" -eq 77 ]
  [ ! -e ran ]
  [ "$(job K h_token)" = '' ]
}

@test "keys in another database are separate" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" status --url "unix://$REDIS_DIR/redis.sock?db=5" K
  [ "$status" -eq 1 ]
}

@test "a key of the wrong type: 65 names it, and nothing is overwritten" {
  redis SET '{condolock}:job:K' precious >/dev/null
  redis SET '{condolock}:runs:L' precious >/dev/null
  for command in 'run --key K -- touch ran' 'run --key L -- touch ran' 'run --key M --accessed-prior K:5 -- touch ran' 'check K' 'touch K' 'status K'; do
    run "$CONDOLOCK" $command
    [ "$status" -eq 65 ] || { echo "$command gave $status"; return 1; }
    [[ "$output" =~ 'the record {condolock}:'[jr] ]]
  done
  [ ! -e ran ]
  [ "$(redis GET '{condolock}:job:K')" = precious ]
  [ "$(redis GET '{condolock}:runs:L')" = precious ]
}

@test "any damaged field: 65 names it, and nothing is overwritten" {
  "$CONDOLOCK" run --key K -- true
  expect_code 1 "$CONDOLOCK" run --key K -- false
  expect_code 75 "$CONDOLOCK" run --key K --retry-after 1h -- true
  # The value is neither a number nor a text of at most 64 bytes.
  for field in $(redis HKEYS '{condolock}:job:K'); do
    good=$(job K "$field")
    redis HSET '{condolock}:job:K' "$field" "$(printf 'x%.0s' $(seq 65))" >/dev/null
    before=$(redis HGETALL '{condolock}:job:K')
    for command in 'run --key K -- touch ran' 'run --key K --force -- touch ran' 'run --key L --not-running K -- touch ran' 'touch K' 'check K'; do
      run -65 "$CONDOLOCK" $command
      [[ "$output" == *"{condolock}:job:K"*"$field"* ]] || { echo "$field: $command: $output"; return 1; }
    done
    [ "$(redis HGETALL '{condolock}:job:K')" = "$before" ]
    redis HSET '{condolock}:job:K' "$field" "$good" >/dev/null
  done
  [ ! -e ran ]
  "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
}

@test "a server that refuses writes (NOREPLICAS, MISCONF, OOM): 69, no command, no partial record; later it works again" {
  start_redis "$REDIS_DIR/refusing.sock" "$REDIS_DIR/refusing.pid" --dbfilename refused.rdb
  export CONDOLOCK_URL="unix://$REDIS_DIR/refusing.sock"
  on() { redis-cli -s "$REDIS_DIR/refusing.sock" "$@"; }
  failing() { on INFO persistence | grep -q 'rdb_last_bgsave_status:err'; }
  for error in NOREPLICAS OOM MISCONF; do
    case $error in
      NOREPLICAS) on CONFIG SET min-replicas-to-write 1 ;;
      OOM) on CONFIG SET maxmemory 1 ;;
      MISCONF)
        mkdir "$REDIS_DIR/refused.rdb" # so no file can have that name
        on CONFIG SET save '3600 1'
        on SET x 1
        on BGSAVE
        wait_for failing
        on DEL x
        ;;
    esac >/dev/null 2>&1
    for command in 'run --key K -- touch ran' 'run --key K --slots 2 --max-runs 1/1h -- touch ran' 'run --key K --once x -- touch ran' 'run --key K --accessed-prior p:1 -- touch ran' 'touch K'; do
      run -69 "$CONDOLOCK" $command
      [[ "$output" == *"$error"* ]] || { echo "$error: $output"; return 1; }
    done
    [ ! -e ran ]
    on KEYS '{condolock}*' >keys
    expect_code 1 grep . keys
    on CONFIG SET min-replicas-to-write 0 maxmemory 0 save '' >/dev/null
  done
  "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
}

@test "a command that ACL refuses to the script: 77, no retry, no command, no partial record" {
  redis ACL SETUSER weak on '>pw' '~*' '+@all' >/dev/null
  export CONDOLOCK_USER=weak CONDOLOCK_PASSWORD=pw
  "$CONDOLOCK" run --key warm -- true
  for command in hset zadd time; do
    redis ACL SETUSER weak "-$command" >/dev/null
    redis CONFIG RESETSTAT >/dev/null
    run -77 "$CONDOLOCK" run --key K --on-unreachable run -- touch ran
    [ "$(redis INFO commandstats | sed -nE 's/^cmdstat_evalsha:calls=([0-9]+).*/\1/p')" = 1 ]
    [ "$(redis EXISTS '{condolock}:job:K')" = 0 ]
    redis ACL SETUSER weak "+$command" >/dev/null
  done
  [ ! -e ran ]
  "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
}

@test "a record of a later version: 65, and the message says to upgrade" {
  "$CONDOLOCK" touch K
  redis HSET '{condolock}:job:K' v 2 >/dev/null
  run "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 65 ]
  [[ "$output" =~ 'upgrade condolock on this host' ]]
}

@test "a replica: run and check exit with 69, status warns" {
  "$CONDOLOCK" touch K
  start_redis "$REDIS_DIR/replica.sock" "$REDIS_DIR/replica.pid" --replicaof 127.0.0.1 1
  export CONDOLOCK_URL="unix://$REDIS_DIR/replica.sock"
  run "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 69 ]
  [[ "$output" =~ 'READONLY' ]]
  [ ! -e ran ]
  run "$CONDOLOCK" run --key K --accessed-prior p:1 -- touch ran
  [ "$status" -eq 69 ]
  run "$CONDOLOCK" check K
  [ "$status" -eq 69 ]
  [[ "$output" =~ 'a replica answered' ]]
  run "$CONDOLOCK" status K
  [ "$status" -eq 1 ]
  [[ "$output" =~ 'warning: a replica answered' ]]
}

@test "another service listens there: 76" {
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "fake.sock", Listen => 5) or die; open(R, ">ready"); close(R);
    while ($c = $s->accept) { sysread($c, $_, 9); print $c "SSH-2.0-OpenSSH_9.2\r\n"; close $c }' 3>&- &
  wait_for test -e ready
  run "$CONDOLOCK" run --url "unix://$BATS_TEST_TMPDIR/fake.sock" --key K -- touch ran
  [ "$status" -eq 76 ]
  [[ "$output" =~ 'not the Redis protocol' ]]
  [ ! -e ran ]
}

@test "the reply to acquire is lost: the same fence is granted again, and the command runs once" {
  "$CONDOLOCK" run --key warm -- true
  start_proxy drop-reply=1
  run "$CONDOLOCK" run --redis-timeout 1s --key K -- sh -c 'echo $CONDOLOCK_FENCE >>fences'
  [ "$status" -eq 0 ]
  [ "$(cat fences)" = "$(job K fence)" ]
  [ "$(job K runs)" = 1 ]
  [ "$(grep -c drop proxy.log)" -eq 1 ]
}

@test "every reply to acquire is lost: 69, no command, and the lease is released" {
  "$CONDOLOCK" run --key warm -- true
  start_proxy drop-reply=1 drop-reply=2
  run "$CONDOLOCK" run --redis-timeout 1s --key K -- touch ran
  [ "$status" -eq 69 ]
  [[ "$output" =~ 'no answer from '.*' within '[0-9.]+m?s ]]
  [ ! -e ran ]
  [ "$(job K h_token)" = '' ]
  [ "$(job K runs)" = '' ]
}

@test "the reply to finish is lost: the end is recorded once, exit code 0" {
  "$CONDOLOCK" run --key warm -- true
  start_proxy drop-reply=2
  run "$CONDOLOCK" run --redis-timeout 1s --key K -- true
  [ "$status" -eq 0 ]
  [ "$(job K runs)" = 1 ]
  [ "$(redis LLEN '{condolock}:runs:K')" = 1 ]
}

# start_frame_proxy MANNER: CONDOLOCK_URL now goes through tests/support/frame_proxy.pl, which logs to frames.log.
start_frame_proxy() {
  rm -f frames.sock frames.log
  perl "$SOURCE_DIR/tests/support/frame_proxy.pl" frames.sock "$REDIS_DIR/redis.sock" frames.log "$1" 3>&- &
  FRAMES=$!
  wait_for test -S frames.sock
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/frames.sock"
}

@test "an acquire that arrives after its finish and four other runs is not granted" {
  "$CONDOLOCK" run --key warm -- true
  for slots in 1 10; do
    start_frame_proxy late
    "$CONDOLOCK" run --redis-timeout 1s --key "K$slots" --slots "$slots" -- true
    for i in 1 2 3 4; do CONDOLOCK_URL="unix://$REDIS_DIR/redis.sock" "$CONDOLOCK" run --key "K$slots" --slots "$slots" -- true; done
    expect_code 1 grep late frames.log
    kill -USR1 "$FRAMES"
    wait_for grep -q '^late ' frames.log
    expect_code 1 grep -i 'late.*granted' frames.log
    expect_code 1 held "K$slots"
    [ "$(redis EXISTS "{condolock}:slots:K$slots")" = 0 ]
    [ "$(job "K$slots" runs)" = 5 ]
    # No slot is held.
    [ "$(CONDOLOCK_URL="unix://$REDIS_DIR/redis.sock" "$CONDOLOCK" status --json "K$slots" | jq '.keys[0].holders | length')" = 0 ]
  done
}

# The record of K without its times.
said_of_K() {
  redis HGETALL '{condolock}:job:K' | paste - - | grep -vE '^(fence|cut|took|ended|(ok|failed|lost)_(start|end|at)|refused_at)	' | sed "s,[0-9]*:,TIME:," | sort
  for list in runs starts retired once; do redis TYPE "{condolock}:$list:K"; done
  redis LLEN '{condolock}:runs:K'
  redis ZCARD '{condolock}:retired:K'
  redis ZCARD '{condolock}:index'
}
a_life_of_K() {
  "$CONDOLOCK" run --key K --lease 3s -- sleep 0.7 # long enough to be renewed
  expect_code 5 "$CONDOLOCK" run --key K -- sh -c 'exit 5'
  expect_code 127 "$CONDOLOCK" run --key K -- /no/such 2>/dev/null
  "$CONDOLOCK" touch K
  "$CONDOLOCK" touch --failed K
  "$CONDOLOCK" pause K
}

@test "every frame arrives twice: the record is identical" {
  a_life_of_K
  said_of_K >once
  redis FLUSHALL >/dev/null
  start_frame_proxy twice
  a_life_of_K
  said_of_K >twice
  grep -q '^runs	[2-9]' once
  diff once twice
  "$CONDOLOCK" resume K
  "$CONDOLOCK" run --key K --slots 3 --max-runs 2/1h -- true
  expect_code 1 held K
  [ "$(redis LLEN '{condolock}:starts:K')" = 1 ]
}

@test "every frame arrives twice: a skip is counted once" {
  "$CONDOLOCK" touch K
  start_frame_proxy twice
  expect_code 75 "$CONDOLOCK" run --key K --min-time 1h -- true
  [ "$(job K skips)" = 1 ] || { echo "$(job K skips) skips"; return 1; }
}

@test "the reply to touch is lost: it is counted once" {
  "$CONDOLOCK" touch warm
  start_proxy drop-reply=1
  run "$CONDOLOCK" touch --redis-timeout 1s --failed K
  [ "$status" -eq 0 ]
  [ "$(job K failures)" = 1 ]
}

@test "the lease is renewed while the command lives, and no other run starts" {
  "$CONDOLOCK" run --key K --lease 4s -- sh -c ': >ready; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  wait_for test -e ready
  first=$(job K h_until)
  renewed_twice() { (($(job K h_until) > first + 4800)); }
  wait_for renewed_twice # longer than its lease
  run "$CONDOLOCK" run --key K -- true
  [ "$status" -eq 75 ]
  : >stop
  wait $!
  [ "$(job K outcome)" = success ]
}

@test "SCRIPT FLUSH during a run: the run goes on" {
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >ready; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  wait_for test -e ready
  redis SCRIPT FLUSH >/dev/null
  first=$(job K h_until)
  renewed() { (($(job K h_until) > first)); }
  wait_for renewed
  redis SCRIPT FLUSH >/dev/null
  : >stop
  wait $!
  [ "$(job K outcome)" = success ]
}

@test "SCRIPT FLUSH before every command: each sends its script again" {
  for command in 'run --key K -- true' 'check K' 'touch K' 'status K' 'list' 'history K' 'pause K' 'resume K' 'unlock --now K' 'reset K --yes'; do
    redis SCRIPT FLUSH >/dev/null
    code=0
    "$CONDOLOCK" $command >/dev/null 2>said || code=$?
    # Nobody holds K, so unlock exits with 1.
    [[ $code -eq 0 || $command == unlock* && $code -eq 1 ]] || { echo "$command: $code $(cat said)"; return 1; }
    expect_code 1 grep NOSCRIPT said
  done
}

@test "the network is cut for less time than the lease allows: the command survives" {
  start_proxy
  "$CONDOLOCK" run -v --key K --lease 12s -- sh -c ': >ready; while [ ! -e stop ]; do sleep 0.01; done' 2>messages 3>&- &
  wait_for test -e ready
  kill -USR1 "$PROXY"
  wait_for grep -q 'cannot renew the lease of K' messages
  kill -USR2 "$PROXY"
  wait_for grep -q 'is renewed again' messages
  : >stop
  wait $!
  [ "$(job K outcome)" = success ]
}

# hole LEASE: after a renewal, cuts the network for three quarters of the time to TERM. Prints how late the machine was, in
# milliseconds. If that has already ended the run, it prints 10000.
hole() {
  chrt --fifo 1 perl -MTime::HiRes=sleep,time -e 'my ($proxy, $log, $lease, $condolock) = @ARGV;
    my $to_term = $lease * 0.99 - ($lease / 10 < 2 ? $lease / 10 : 2) - ($lease / 4 < 10 ? $lease / 4 : 10);
    my $seen = 0;
    for (; $seen != -s $log; sleep 0.03) { $seen = -s $log } # what was held back has arrived
    until (-s $log > $seen && `tail -n 1 $log` eq "<\n") {
      kill(0 => $condolock) or print("10000\n"), exit;
      sleep 0.001;
    }
    my ($began, $late) = (time, 0);
    kill USR1 => $proxy;
    for (my $now = $began; $now < $began + 0.75 * $to_term; $now = time) {
      sleep 0.005;
      $late = time - $now - 0.005 if time - $now - 0.005 > $late;
    }
    kill USR2 => $proxy;
    printf "%d\n", $late * 1000' "$PROXY" proxy.log "$1" "$condolock"
}

@test "the network is cut for three quarters of the time to TERM: the command survives, with leases of 1 and 3 seconds" {
  start_proxy
  # A lease of a second leaves little time, so these processes must not wait for a processor.
  chrt --fifo --pid 1 "$PROXY"
  chrt --all-tasks --fifo --pid 1 "$(cat "$REDIS_DIR/pid")"
  begin() {
    rm -f ready stop
    wait_for "$CONDOLOCK" run --key K -- true
    chrt --fifo 1 "$CONDOLOCK" run -v --key K --lease "${lease}s" -- sh -c ': >ready; while [ ! -e stop ]; do sleep 0.05; done' 2>messages 3>&- &
    condolock=$!
    wait_for test -e ready
    fence=$(job K h_fence)
  }
  for lease in 1 3; do
    begin
    rounds=0
    for attempt in $(seq 20); do
      late=$(hole "$lease")
      before=$(job K h_until)
      renewed() { (($(job K h_until) > before)); }
      # Try again if the machine was late by more than a part of the last quarter: that shows nothing.
      if ((late > lease * 40)); then
        echo "$late ms late" >&2
        renewed_or_gone() { gone "$condolock" || renewed; }
        wait_for renewed_or_gone
        ! gone "$condolock" || begin
        continue
      fi
      wait_for renewed || { cat messages; return 1; }
      kill -0 "$condolock"
      rounds=$((rounds + 1))
      ((rounds < 3)) || break
    done
    ((rounds == 3)) || { echo "only $rounds rounds with ${lease}s"; return 1; }
    : >stop
    wait "$condolock"
    [ "$(job K fence)" = "$fence" ]
    [ "$(job K outcome)" = success ]
    expect_code 1 grep 'could not be renewed in time' messages
  done
  chrt --all-tasks --other --pid 0 "$(cat "$REDIS_DIR/pid")"
}

# ends_in_its_lease COMMAND...: waits until the command succeeds. It must not have failed after the end of the lease of K.
ends_in_its_lease() {
  local now open=0 until=$((SECONDS + 60))
  until "$@"; do
    ((SECONDS < until)) || { echo "in vain: $*"; return 1; }
    now=$(server_time)
    "$@" || open=$now
  done
  ((open < $(job K h_until)))
}

@test "the network is cut for good: the command gets TERM, and is reaped before the lease ends by the server's clock" {
  start_proxy
  "$CONDOLOCK" run --key K --lease 8s --record-timeout 0 -- bash -c 'trap "redis-cli -s $REDIS_DIR/redis.sock TIME >told; exit 3" TERM; echo $$ >pid; while :; do sleep 0.01; done' 2>messages 3>&- &
  condolock=$!
  wait_for test -s pid
  kill -USR1 "$PROXY"
  reaped() { [ ! -e "/proc/$(cat pid)" ]; }
  ends_in_its_lease reaped
  # The command got TERM, and not at once.
  (($(sed -n 1p told) * 1000 > $(job K h_until) - 6000))
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
}

@test "the network is cut for good: the command is stopped before the lease ends by the server's clock, exit code 79" {
  start_proxy
  "$CONDOLOCK" run --key K --lease 4s --record-timeout 0 -- sh -c 'trap "" TERM; echo $$ >pid; while :; do sleep 0.01; done' 2>messages 3>&- &
  wait_for test -s pid
  kill -USR1 "$PROXY"
  ends_in_its_lease gone "$(cat pid)"
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
  grep -q 'the lease of K could not be renewed in time; its command is being stopped' messages
}

@test "another host got the lease: the command is stopped, 79, and the newer record stays" {
  "$CONDOLOCK" run --key K --lease 6s -- sh -c 'echo $$ >pid; exec sleep 60' 2>messages 3>&- &
  wait_for test -s pid
  redis HSET '{condolock}:job:K' h_token other h_fence 99999999999999 fence 99999999999999 >/dev/null
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
  gone "$(cat pid)"
  grep -q 'K lost its lease' messages
  [ "$(job K h_token)" = other ]
  [ "$(job K runs)" = '' ]
  [[ "$(redis LRANGE '{condolock}:runs:K' 0 -1)" =~ ' superseded ' ]]
}

@test "the records are deleted during a run: the lease is acquired again, with a warning" {
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >ready; while [ ! -e stop ]; do sleep 0.01; done' 2>messages 3>&- &
  wait_for test -e ready
  fence=$(job K fence)
  for forget in 'DEL {condolock}:job:K' FLUSHALL; do
    redis $forget >/dev/null
    wait_for held K
    [ "$(job K fence)" = "$fence" ]
  done
  : >stop
  wait $!
  wait_for grep -q 'the server lost the lease of K' messages
  [ "$(job K outcome)" = success ]
}

@test "a short run that was overtaken: 74, and it does not become the last success" {
  code=0
  "$CONDOLOCK" run --key K -- sh -c 'redis-cli -s "$REDIS_DIR/redis.sock" HSET "{condolock}:job:K" h_token other fence 99999999999999 >/dev/null' 2>messages || code=$?
  [ "$code" -eq 74 ]
  grep -q 'not recorded as its last success' messages
  [ "$(job K ok_end)" = '' ]
}

@test "a success that cannot be recorded is 74; a failure keeps its code" {
  start_proxy
  for code in 0:74 5:5; do
    "$CONDOLOCK" run --key K --record-timeout 1s --redis-timeout 1s -- sh -c "kill -USR1 $PROXY; exit ${code%:*}" 2>messages && got=0 || got=$?
    [ "$got" -eq "${code#*:}" ]
    grep -q 'was not recorded\|not recorded' messages
    kill -USR2 "$PROXY"
    wait_for "$CONDOLOCK" run --key other -- true
    redis DEL '{condolock}:job:K' >/dev/null
  done
}

@test "Redis restarts empty while the command ends: the end is recorded" {
  start_redis "$REDIS_DIR/brief.sock" "$REDIS_DIR/brief.pid"
  export CONDOLOCK_URL="unix://$REDIS_DIR/brief.sock"
  "$CONDOLOCK" run --key K -- sh -c 'kill -KILL $(cat $REDIS_DIR/brief.pid); : >down' 3>&- &
  condolock=$!
  wait_for test -e down
  start_redis "$REDIS_DIR/brief.sock" "$REDIS_DIR/brief.pid"
  wait "$condolock"
  [ "$(redis-cli -s "$REDIS_DIR/brief.sock" HGET '{condolock}:job:K' outcome)" = success ]
}

@test "TERM before the grant ends the run at once: 143, no command" {
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "mute.sock", Listen => 5) or die; open(R, ">ready"); close(R);
    while ($c = $s->accept) { push @kept, $c; open(R, ">asked"); close(R) }' 3>&- &
  wait_for test -e ready
  "$CONDOLOCK" run --url "unix://$BATS_TEST_TMPDIR/mute.sock" --redis-timeout 60 --key K -- touch ran 3>&- &
  condolock=$!
  wait_for test -e asked
  start=$EPOCHREALTIME
  kill -TERM "$condolock"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 143 ]
  [ ! -e ran ]
  awk "BEGIN { exit !($EPOCHREALTIME - $start < 3) }"
}

@test "TERM before the grant arrives: the lease is released" {
  start_proxy
  kill -USR1 "$PROXY"
  "$CONDOLOCK" run --redis-timeout 60 --key K -- touch ran 3>&- &
  condolock=$!
  wait_for sh -c 'grep -q "condolock" /proc/'"$condolock"'/comm && ls -l /proc/'"$condolock"'/fd | grep -q socket'
  kill -TERM "$condolock"
  kill -USR2 "$PROXY"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 143 ]
  [ ! -e ran ]
  # Its late acquire arrived as well. It was either not granted or released.
  [ "$(job K h_token)" = '' ]
}

@test "TERM while recording: one more attempt, then 74" {
  start_proxy
  "$CONDOLOCK" run --key K --redis-timeout 1s -- sh -c "kill -USR1 $PROXY; : >ended" 2>messages 3>&- &
  condolock=$!
  wait_for test -e ended
  wait_for sh -c "! pgrep -P $condolock"
  kill -TERM "$condolock"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 74 ]
  grep -q 'succeeded, but this was not recorded' messages
}

@test "a hundred runs are killed at random moments: no command outlives its condolock, and the key becomes free" {
  # Long enough that about half of the runs start their command, however fast the machine is.
  began=$(date +%s%N)
  "$CONDOLOCK" run --key K -- true
  max=$((($(date +%s%N) - began) * 3 / 2))
  for i in $(seq 100); do
    expect_code 9 kill_within "${max}e-9" "$CONDOLOCK" run --key K --lease 10s -- sh -c 'echo $$ >>pids; exec sleep 60' 3>&-
    [ ! -s pids ] || wait_for gone "$(tail -n 1 pids)"
    redis DEL '{condolock}:job:K' >/dev/null
  done
  # One run that certainly holds the key, and that releases nothing.
  "$CONDOLOCK" run --key K --lease 1s -- sh -c 'echo $$ >>pids; : >ready; exec sleep 60' 3>&- &
  wait_for test -e ready
  put_down $!
  held K
  wait_for "$CONDOLOCK" run --key K -- true
  [ "$(wc -l <pids)" -gt 1 ]
  wait_for gone "$(tail -n 1 pids)"
}

@test "a run that gave up on a silent server leaves no lease, whichever scripts the server has cached" {
  start_redis "$REDIS_DIR/silent.sock" "$REDIS_DIR/silent.pid"
  export CONDOLOCK_URL="unix://$REDIS_DIR/silent.sock"
  "$CONDOLOCK" run --key warm -- true # caches acquire, but not abandon
  kill -STOP "$(cat "$REDIS_DIR/silent.pid")"
  run "$CONDOLOCK" run --redis-timeout 300ms --key K -- touch ran
  [ "$status" -eq 69 ]
  kill -CONT "$(cat "$REDIS_DIR/silent.pid")"
  run "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 0 ]
  [ -e ran ]
}

@test "a short lease does not shorten the recording: one attempt is enough on a slow network" {
  start_proxy
  # From the command's end on, the network holds everything back, four times as long as an attempt to renew may take.
  run "$CONDOLOCK" run --lease 12s --redis-timeout 30s --key K -- sh -c 'kill -USR1 "$1"; (sleep 4; kill -USR2 "$1") >/dev/null 2>&1 3>&- &' sh "$PROXY"
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
  [ "$(job K outcome)" = success ]
  [ "$(grep -c '^connect' proxy.log)" -eq 1 ]
}

# moves: during a run, a host name moves to another primary. The old one answers READONLY or, with `silent`, nothing.
moves() {
  local port=$((20000 + RANDOM % 10000))
  start_redis "$REDIS_DIR/old.sock" "$REDIS_DIR/old.pid" --port "$port" --bind 127.0.0.2
  start_redis "$REDIS_DIR/new.sock" "$REDIS_DIR/new.pid" --port "$port" --bind 127.0.0.3 --replicaof 127.0.0.2 "$port" --repl-diskless-sync-delay 0
  on() { redis-cli -s "$REDIS_DIR/$1.sock" "${@:2}"; }
  on old CONFIG SET repl-diskless-sync-delay 0 >/dev/null
  in_sync() { on new INFO replication | grep -q 'master_link_status:up'; }
  wait_for in_sync
  echo '127.0.0.2 moving.example' >hosts
  # The name exists only in this mount namespace. (In a chroot, / is no mount point and cannot be made private;
  # tests/debian13 runs in a namespace that is private already.)
  unshare --mount --propagation unchanged \
    sh -c '{ mount --make-rprivate / 2>/dev/null || :; } && mount --bind hosts /etc/hosts && exec "$@"' sh \
    "$CONDOLOCK" run --url "redis://moving.example:$port" --key K --lease 12s -- sh -c ': >began; until [ -e stop ]; do sleep 0.01; done' 3>&- &
  local run=$!
  wait_for test -e began
  held_on() { [ -n "$(on "$1" HGET '{condolock}:job:K' h_until)" ]; }
  wait_for held_on new
  on new REPLICAOF NO ONE >/dev/null
  if [ "$1" = silent ]; then
    kill -STOP "$(cat "$REDIS_DIR/old.pid")"
  else
    on old REPLICAOF 127.0.0.3 "$port" >/dev/null
  fi
  echo '127.0.0.3 moving.example' >hosts
  local before
  before=$(on new HGET '{condolock}:job:K' h_until)
  renewed_on_new() { [ "$(on new HGET '{condolock}:job:K' h_until)" -gt "$before" ]; }
  wait_for renewed_on_new
  : >stop
  wait "$run"
  [ "$(on new HGET '{condolock}:job:K' outcome)" = success ]
  for server in old new; do
    put_down "$(cat "$REDIS_DIR/$server.pid")"
    rm "$REDIS_DIR/$server.sock"
  done
}

@test "a host name moves to another primary during a run: the lease is renewed there, and the end recorded" {
  moves readonly
}

@test "a host name moves while the old primary is silent: the lease is renewed at the new one, and the end recorded" {
  moves silent
}
