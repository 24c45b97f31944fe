load helper

# check, touch, status, pause, resume and unlock.

@test "check prints the verdict of every condition, exits with 0 or 75, and writes nothing" {
  run "$CONDOLOCK" check --key K --min-time 5h
  [ "$status" -eq 0 ]
  [ "$(redis DBSIZE)" = 0 ]
  "$CONDOLOCK" touch K
  backdate K ok_end 7830000
  before=$(redis DUMP '{condolock}:job:K')
  run "$CONDOLOCK" check K --min-time 5h --accessed-prior p:300 --accessed-prior K:3h
  [ "$status" -eq 75 ]
  [ "${#lines[@]}" -eq 4 ]
  [[ "${lines[0]}" =~ ^'no   --min-time 5h '\ +'last success 2h10m ago, needs 5h (due in 2h'(49|50)'m)'$ ]]
  [[ "${lines[1]}" =~ ^'no   --accessed-prior p:5m '\ +'p has not run yet, needs a success at most 5m ago'$ ]]
  [[ "${lines[2]}" =~ ^'yes  --accessed-prior K:3h '\ +'K succeeded '.*' ago'$ ]]
  [[ "${lines[3]}" =~ ^'yes  lease of K '\ +'free'$ ]]
  [ "$(redis DUMP '{condolock}:job:K')" = "$before" ]
  run "$CONDOLOCK" check -q K --min-time 5h
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
}

@test "check accepts any line of run unchanged" {
  "$CONDOLOCK" touch K
  line=(--key K --min-time 5m --lease 30s -w 1h --timeout 5 -k 3 --leftovers kill --jitter 1m --success-code 3
    --record-timeout 1s --history 5 --on-unreachable skip --busy-code 9 -n)
  expect_code 75 "$CONDOLOCK" check "${line[@]/-w/--redis-timeout}" -- true --min-time nonsense
  expect_code 8 "$CONDOLOCK" check --key K --min-time 5m -E 8 -- true
  "$CONDOLOCK" check --key K --min-time 5m --force -- true
  "$CONDOLOCK" pause K
  expect_code 75 "$CONDOLOCK" check --key K -- true
  "$CONDOLOCK" check --key K --force -- true
  "$CONDOLOCK" resume K
  # Not even if the command does not exist or is missing.
  "$CONDOLOCK" check --key K -- /no/such/command
  "$CONDOLOCK" check --key K --
  run "$CONDOLOCK" check --key K --once x --slots 2 -- true
  [ "$status" -eq 64 ]
  [ ! -e ran ]
}

@test "check --json prints one document with every verdict" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" check --json --key K --min-time 5m --after other
  [ "$status" -eq 75 ]
  [ "$(jq -c '[.schema, .key, .would_run, .pause, .busy]' <<<"$output")" = '[1,"K",false,null,null]' ]
  [ "$(jq -c '[.conditions[] | [.condition, .name, .holds, .why]]' <<<"$output")" = '[["min-time",null,false,"recent"],["after","other",false,"never"]]' ]
  [ "$(jq '.conditions[0] | .since_ms + .due_ms' <<<"$output")" = 300000 ]
  "$CONDOLOCK" pause K --for 1h --reason why
  mkfifo hold
  "$CONDOLOCK" run --key L -- cat hold 3>&- &
  wait_for held L
  [ "$("$CONDOLOCK" check --json K | jq -c '[.would_run, .pause.reason, .pause.left_ms <= 3600000]')" = '[false,"why",true]' ]
  run "$CONDOLOCK" check --json L
  [ "$status" -eq 75 ]
  [ "$(jq -c '[.would_run, .busy.holder.pid, .busy.live, .busy.slots]' <<<"$output")" = "[false,$!,1,1]" ]
  : >hold
  wait
}

@test "help and version print what --help and --version print" {
  [ "$("$CONDOLOCK" help)" = "$("$CONDOLOCK" --help)" ]
  [ "$("$CONDOLOCK" help run)" = "$("$CONDOLOCK" run --help)" ]
  [ "$("$CONDOLOCK" version)" = "$("$CONDOLOCK" --version)" ]
}

@test "check exits with 75 while the lease is held" {
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  run "$CONDOLOCK" check K
  [ "$status" -eq 75 ]
  [[ "$output" =~ ^'no   lease of K '\ +'held by '[^\ ]+' (pid '$!') for ' ]]
  : >hold
  wait
}

@test "touch records a success, touch --failed a failure" {
  "$CONDOLOCK" touch K
  [ "$(job K outcome)" = success ]
  [ "$(job K ok_end)" = "$(job K ended)" ]
  [ "$(job K fence)" = '' ]
  run "$CONDOLOCK" touch --key K --failed
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
  [ "$(job K outcome)" = failed ]
  [ "$(job K failures_in_a_row)" = 1 ]
  [ "$(job K runs)" = 2 ]
  "$CONDOLOCK" touch -- --odd
  [ "$(job --odd runs)" = 1 ]
}

@test "status prints a record as text" {
  expect_code 3 "$CONDOLOCK" run --key K -- sh -c 'exit 3'
  backdate K ended 7830000
  backdate K failed_at 7830000
  mkfifo hold
  "$CONDOLOCK" run --key L -- cat hold 3>&- &
  wait_for held L
  run "$CONDOLOCK" status K L
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = K ]
  [ "${lines[1]}" = '  state         idle' ]
  [ "${lines[2]}" = '  last success  never' ]
  [[ "${lines[3]}" =~ ^'  last run      failed (exit code 3), ended 2h10m ago ('20..-..-..\ ..:..:..' UTC), took ' ]]
  [[ "${lines[4]}" =~ ^'  last failure  2h10m ago (' ]]
  [ "${lines[5]}" = '  failures      1 in a row' ]
  [ "${lines[6]}" = '  runs          1, of which 1 failed' ]
  [ "${lines[7]}" = '  skips         0 since the last run' ]
  [ "${lines[8]}" = "  fence         $(job K fence)" ]
  [[ "${lines[10]}" =~ ^'  state         running on '[^\ ]+' (pid '$!') for '.*', lease ends in '.*' unless renewed'$ ]]
  backdate L h_until 61000
  run -0 "$CONDOLOCK" status L
  [[ "${lines[1]}" =~ ^'  state         lost: held by '.*', whose lease ended ' ]]
  : >hold
  wait
}

@test "status of an unknown key says so and exits with 1" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" status K nope
  [ "$status" -eq 1 ]
  [[ "$output" =~ nope$'\n'\ +'no record' ]]
  run "$CONDOLOCK" status --json nope
  [ "$status" -eq 1 ]
  [ "$(jq -c '[.schema, .keys[0].key, .keys[0].known, .keys[0].last_run]' <<<"$output")" = '[1,"nope",false,null]' ]
}

@test "status --json prints a record as one document" {
  expect_code 3 "$CONDOLOCK" run --key K -- sh -c 'exit 3'
  "$CONDOLOCK" run --key K -- true
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  run "$CONDOLOCK" status K --json
  [ "$status" -eq 0 ]
  [ "$(jq .schema <<<"$output")" = 1 ]
  key() { jq -r ".keys[0].$1" <<<"$output"; }
  [ "$(key key)" = K ]
  [ "$(key known)" = true ]
  [ "$(jq .keys[0].holders[0].pid <<<"$output")" = $! ]
  [ "$(key holders[0].host)" = "$(this_host)" ]
  [ "$(key holders[0].live)" = true ]
  [ "$(key holders[0].fence)" = "$(job K fence)" ]
  [ "$(key last_success.end.ms)" = "$(job K ok_end)" ]
  [ "$(key last_success.start.ms)" = "$(job K ok_start)" ]
  [ "$(date -d "$(key last_success.end.rfc3339)" +%s%3N)" = "$(job K ok_end)" ]
  [ "$(key last_run.outcome)" = success ]
  [ "$(key last_run.exit_code)" = 0 ]
  [ "$(key last_failure.ms)" = "$(job K failed_at)" ]
  [ "$(key failures_in_a_row)" = 0 ]
  [ "$(key runs)" = 2 ]
  [ "$(key failures)" = 1 ]
  : >hold
  wait
}

@test "status --json prints a key that is not UTF-8 as valid JSON" {
  key=$'caf\xe9\e'
  "$CONDOLOCK" touch "$key"
  run "$CONDOLOCK" status --json "$key"
  [ "$status" -eq 0 ]
  [ "$(jq -r '.keys[0].key' <<<"$output")" = $'caf\xef\xbf\xbd\e' ]
  run -0 "$CONDOLOCK" status "$key"
  [ "${lines[0]}" = 'caf\xe9\x1b' ]
}

@test "status uses colour only on a terminal or with --color always" {
  "$CONDOLOCK" touch K
  run -0 "$CONDOLOCK" status K
  [[ "$output" =~ success && ! "$output" =~ $'\e' ]]
  run -0 "$CONDOLOCK" status --color always K
  [[ "$output" =~ $'\e[32m'success ]]
  TERM=xterm run -0 script -qec '"$CONDOLOCK" status K' /dev/null
  [[ "$output" =~ $'\e[32m'success ]]
  NO_COLOR=1 TERM=xterm run -0 script -qec '"$CONDOLOCK" status K' /dev/null
  [[ "$output" =~ success && ! "$output" =~ $'\e' ]]
  TERM=xterm run -0 script -qec '"$CONDOLOCK" --color never status K' /dev/null
  [[ "$output" =~ success && ! "$output" =~ $'\e' ]]
}

@test "commands use the password from the environment, and the first URL variable that is set" {
  redis ACL SETUSER job on '>pw' '~*' '+@all' >/dev/null
  export CONDOLOCK_USER=job CONDOLOCK_PASSWORD=pw
  "$CONDOLOCK" touch K
  [ "$(job K runs)" = 1 ]
  "$CONDOLOCK" check K
  "$CONDOLOCK" status K >as-given
  grep -q 'last success' as-given
  REDIS_URL=redis://127.0.0.1:1 "$CONDOLOCK" status K
  url=$CONDOLOCK_URL
  unset CONDOLOCK_URL
  REDIS_URL=$url "$CONDOLOCK" status K >from-redis-url
  grep -q 'last success' from-redis-url
}

@test "pause blocks new runs until resume" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" pause K --for 30m --reason $'database\e upgrade'
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
  run --separate-stderr "$CONDOLOCK" run -v K -- touch ran
  [ "$status" -eq 75 ]
  [[ $stderr =~ ^'condolock: skipped K: paused by '[^\ @]+@[^\ ]+' '[0-9.ms]+' ago for another '[0-9ms]+': database\x1b upgrade'$ ]]
  [ ! -e ran ]
  run "$CONDOLOCK" check K
  [ "$status" -eq 75 ]
  [[ "${lines[0]}" =~ ^'no   pause of K '\ +'paused by '[^\ ]+' '[0-9.ms]+' ago for another '[0-9ms]+': database\x1b upgrade'$ ]]
  run -0 "$CONDOLOCK" status K
  [[ "$output" =~ '  pause         paused by '[^\ ]+' '[0-9.ms]+' ago for another '[0-9ms]+': database\x1b upgrade' ]]
  run -0 "$CONDOLOCK" status --json K
  [ "$(jq -r '.keys[0].pause.reason' <<<"$output")" = $'database\e upgrade' ]
  [ "$(jq -r '.keys[0].pause.until.ms' <<<"$output")" = "$(job K paused_until)" ]
  "$CONDOLOCK" run K --force -- touch ran
  [ -e ran ]
  run "$CONDOLOCK" resume K
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
  run "$CONDOLOCK" resume -v K
  [ "$status" -eq 0 ]
  [ "$output" = 'condolock: K was not paused' ]
  "$CONDOLOCK" run K -- true
  run -0 "$CONDOLOCK" pause K L
  [ "$output" = 'condolock: warning: L has no record; it is paused anyway' ]
  run -0 "$CONDOLOCK" resume -v K L M
  [ "$output" = 'condolock: K is no longer paused
condolock: L is no longer paused
condolock: M was not paused' ]
  run -0 "$CONDOLOCK" pause 'b*' --for 1m
  [ "$output" = "condolock: warning: b* has no record; it is paused anyway (keys are not globs: see condolock list --plain 'b*')" ]
  "$CONDOLOCK" pause --key K
  run -75 "$CONDOLOCK" run -v K -- true
  [[ $output =~ ^'condolock: skipped K: paused by '[^\ ]+' '[0-9.ms]+' ago until it is resumed'$ ]]
  [ "$("$CONDOLOCK" status --json K | jq -c '.keys[0].pause | [.until, .reason, .all]')" = '[null,"",false]' ]
}

@test "unlock: the holder stops its command at the next renewal, and then the key is free" {
  run "$CONDOLOCK" unlock -v K
  [ "$status" -eq 0 ]
  [ "$output" = 'condolock: nobody holds K' ]
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >ready; exec sleep 60' 2>messages 3>&- &
  condolock=$!
  wait_for test -e ready
  run "$CONDOLOCK" unlock -v K L
  [ "$status" -eq 0 ]
  [[ "${lines[0]}" =~ ^'condolock: the lease of K, held by '.*' (pid '$condolock'), is revoked; it ends in '[0-9.ms]+' at the latest'$ ]]
  [ "${lines[1]}" = 'condolock: nobody holds L' ]
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
  grep -qE '^condolock: error: [^ ]+@[^ ]+ revoked the lease of K; its command is being stopped$' messages
  "$CONDOLOCK" run --key K -- true
}

@test "unlock --now: the key is free at once, with a warning" {
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >ready; exec sleep 60' 2>/dev/null 3>&- &
  condolock=$!
  wait_for test -e ready
  run "$CONDOLOCK" unlock --now K
  [ "$status" -eq 0 ]
  [[ "$output" =~ ^'condolock: warning: the lease of K is free now, but the command on '.*' may still run for '[0-9.]+m?s$ ]]
  "$CONDOLOCK" run --key K -- true
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
  [ "$(job K outcome)" = success ]
}

@test "status and unlock: a bad record does not stop the next key, an absent server does" {
  redis SET '{condolock}:job:bad' x
  "$CONDOLOCK" touch good
  run --separate-stderr "$CONDOLOCK" status --json bad good
  [ "$status" -eq 65 ]
  [ "$(jq -c '[.keys[] | [.key, .known, .error == null]]' <<<"$output")" = '[["bad",null,false],["good",true,true]]' ]
  run -65 --separate-stderr "$CONDOLOCK" status --json bad
  [ "$(jq -r '.keys[0].error' <<<"$output")" = 'the record {condolock}:job:bad is malformed: holds another type of value (condolock reset bad --yes removes it)' ]
  run --separate-stderr "$CONDOLOCK" status bad good unknown bad
  [ "$status" -eq 65 ]
  [[ "$output" =~ ^good$'\n'.*$'\n'unknown$'\n' ]]
  [ "${#stderr_lines[@]}" -eq 2 ]
  mkfifo hold
  "$CONDOLOCK" run --key live -- cat hold 3>&- &
  wait_for held live
  run "$CONDOLOCK" unlock bad live
  [ "$status" -eq 65 ]
  [[ $(job live h_revoked) =~ ^[0-9]+:[^\ ]+@[^\ ]+$ ]]
  : >hold
  wait
  CONDOLOCK_URL=unix:///nowhere.sock run --separate-stderr "$CONDOLOCK" status a b
  [ "$status" -eq 69 ]
  [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "touch and unlock --now keep a long history at its length" {
  for i in $(seq 23); do "$CONDOLOCK" run --key K --history 30 -- true; done
  "$CONDOLOCK" touch K
  mkfifo hold
  "$CONDOLOCK" run --key K --history 30 -- cat hold 3>&- &
  wait_for held K
  "$CONDOLOCK" unlock -q --now K
  [ "$(redis LLEN '{condolock}:runs:K')" = 25 ]
  : >hold
  wait
  redis DEL '{condolock}:runs:K'
  for i in $(seq 22); do "$CONDOLOCK" touch K; done
  [ "$(redis LLEN '{condolock}:runs:K')" = 22 ]
}

@test "pause --all: no key runs until resume --all, not even one without a record; all commands say who, when and why" {
  "$CONDOLOCK" touch K
  run --separate-stderr env SUDO_USER=alice "$CONDOLOCK" pause --all -v --reason 'moving the database'
  [ "$status" -eq 0 ]
  [ "$stderr" = 'condolock: namespace condolock: all keys paused until condolock resume --all: moving the database' ]
  for key in K new; do
    run --separate-stderr "$CONDOLOCK" run -v "$key" -- touch ran
    [ "$status" -eq 75 ]
    [[ $stderr =~ ^"condolock: skipped $key: all keys paused by $(user_here alice)"' '[0-9.ms]+' ago until condolock resume --all: moving the database'$ ]]
  done
  [ ! -e ran ]
  run "$CONDOLOCK" check K
  [ "$status" -eq 75 ]
  [[ ${lines[0]} =~ ^'no   pause of all keys '\ +'all keys paused by alice@' ]]
  run -0 "$CONDOLOCK" status K
  [[ $output =~ '  pause         all keys paused by alice@' ]]
  [[ $output =~ '                because: all keys paused by alice@'[^\ ]+': moving the database' ]]
  run -0 "$CONDOLOCK" status --json K
  [ "$(jq -c '.keys[0].pause | [.operator, .all, .until]' <<<"$output")" = "[\"$(user_here alice)\",true,null]" ]
  run -1 "$CONDOLOCK" status new2
  [[ ${lines[2]} =~ '  pause         all keys paused by alice@' ]]
  run -0 "$CONDOLOCK" list
  [[ $output =~ ' paused' ]]
  CONDOLOCK_NAMESPACE=other "$CONDOLOCK" run K -- touch other
  [ -e other ]
  "$CONDOLOCK" run --force K -- touch forced
  [ -e forced ]
  "$CONDOLOCK" pause K
  run --separate-stderr "$CONDOLOCK" resume --all -v
  [ "$stderr" = 'condolock: namespace condolock: the pause of all keys is over' ]
  run --separate-stderr "$CONDOLOCK" resume --all -v
  [ "$stderr" = 'condolock: namespace condolock: there was no pause of all keys' ]
  "$CONDOLOCK" run new -- touch ran
  [ -e ran ]
  expect_code 75 "$CONDOLOCK" run K -- true
}

@test "pause --all: a key of another type is malformed, and resume --all removes it" {
  redis SET '{condolock}:pause' x >/dev/null
  run "$CONDOLOCK" run K -- touch ran
  [ "$status" -eq 65 ]
  [ "$output" = 'condolock: error: K was not run: the record {condolock}:pause is malformed: holds another type of value (condolock resume --all removes it)' ]
  [ ! -e ran ]
  "$CONDOLOCK" resume --all
  "$CONDOLOCK" run K -- touch ran
  [ -e ran ]
  "$CONDOLOCK" run 'x}:pause' -- true
  redis DEL '{condolock}:job:x}:pause' >/dev/null
  redis SET '{condolock}:job:x}:pause' x >/dev/null
  run "$CONDOLOCK" status 'x}:pause'
  [[ $output = *"(condolock reset 'x}:pause' --yes removes it)" ]]
}

@test "pause --all with a key, and pause without either, are refused with a hint" {
  run "$CONDOLOCK" pause --all K
  [ "$status" -eq 64 ]
  [ "${lines[0]}" = 'condolock: error: --all cannot be combined with the key K; usage: condolock pause KEY...|--all [--for D] [--reason TEXT]' ]
  run "$CONDOLOCK" resume --key K --all
  [ "$status" -eq 64 ]
  run "$CONDOLOCK" pause
  [ "$status" -eq 64 ]
}

@test "pause --all: a waiting run starts after resume --all" {
  "$CONDOLOCK" pause --all
  "$CONDOLOCK" run K --wait 60s -- touch ran &
  wait_for sh -c 'redis-cli -s "$REDIS_DIR/redis.sock" HGET "{condolock}:job:K" waiters_until | grep -q .'
  "$CONDOLOCK" resume --all
  redis LPUSH '{condolock}:wake:K' 1 >/dev/null # otherwise the run asks again only after 30 s
  wait $!
  [ -e ran ]
}

@test "status says why the last run was skipped, when, and where" {
  "$CONDOLOCK" touch K
  expect_code 75 "$CONDOLOCK" run K --min-time 5m -- true
  run -0 "$CONDOLOCK" status K
  [[ $output =~ '  last skip     '[0-9.ms]+' ago ('[-0-9:\ A-Z]+'), on '"$(this_host)"' (pid '[0-9]+')' ]]
  [[ $output =~ '                because: last success '[0-9.ms]+' ago, needs 5m' ]]
  run -0 "$CONDOLOCK" status --json K
  [ "$(jq -r '.keys[0].last_skip.who.host' <<<"$output")" = "$(this_host)" ]
  [ "$(jq .keys[0].skips <<<"$output")" = 1 ]
  "$CONDOLOCK" run K -- true
  run -0 "$CONDOLOCK" status --json K
  [ "$(jq -c '.keys[0] | [.skips_since_last_run, .skips]' <<<"$output")" = '[0,1]' ]
}

@test "unlock --now: status, list and check say who did it, and doubt that the key is idle until its command is gone" {
  "$CONDOLOCK" run K --lease 30s -- sh -c 'while [ ! -e go ]; do sleep 0.05; done' 2>said &
  wait_for held K
  SUDO_USER=alice "$CONDOLOCK" unlock --now K 2>warned
  grep -qE 'may still run for [0-9.]+s$' warned
  run -0 "$CONDOLOCK" list
  [[ ${lines[1]} =~ ' revoked, may still run for '[0-9.]+s$ ]]
  run -0 "$CONDOLOCK" status K
  [[ ${lines[1]} =~ ^'  state         revoked: its lease was freed by '"$(user_here alice)"' '[0-9.ms]+' ago; its command may still run for '[0-9.]+s$ ]]
  expect_code 79 wait $!
  [ "$(cat said)" = "condolock: error: $(user_here alice) revoked the lease of K; its command is being stopped
condolock: warning: the lease of K was revoked or went to a later run; the result of this run is only in the history" ]
  run -0 "$CONDOLOCK" list
  [[ ${lines[1]} =~ ' idle'$ ]]
}

@test "unlock: the holder and status say who revoked the lease" {
  "$CONDOLOCK" run K --lease 30s -- sleep 60 2>said &
  wait_for held K
  SUDO_USER=alice "$CONDOLOCK" unlock K
  run -0 "$CONDOLOCK" status K
  [[ ${lines[1]} =~ ', revoked by '"$(user_here alice)"' '[0-9.ms]+' ago'$ ]]
  expect_code 79 wait $!
  grep -qx "condolock: error: $(user_here alice) revoked the lease of K; its command is being stopped" said
  run -0 "$CONDOLOCK" status K
  [[ $output =~ '  last run      lost (exit code 143), revoked by '"$(user_here alice)"' '[0-9.ms]+' ago, ended ' ]]
  "$CONDOLOCK" run K -- true
  run -0 "$CONDOLOCK" status K
  [[ $output != *revoked* ]]
}

@test "pause and resume print what they did only with -v" {
  "$CONDOLOCK" touch K
  run -0 "$CONDOLOCK" pause -v K --for 2h --reason upgrade
  [ "$output" = 'condolock: K is paused for 2h: upgrade' ]
  run -0 "$CONDOLOCK" touch -v K --failed
  [ "$output" = 'condolock: recorded a failure of K' ]
  run -0 "$CONDOLOCK" resume -v K
  [ "$output" = 'condolock: K is no longer paused' ]
  CONDOLOCK_VERBOSE=1 run -0 "$CONDOLOCK" resume K
  [ "$output" = 'condolock: K was not paused' ]
  CONDOLOCK_VERBOSE=1 run -0 "$CONDOLOCK" resume -q K
  [ "$output" = '' ]
  run -0 "$CONDOLOCK" pause K
  [ "$output" = '' ]
}

# nonblocking PROGRAM...: its output goes to a pipe that is O_NONBLOCK and is read only when it is (nearly) full. With BOTH=1
# its messages go there, too.
nonblocking() {
  perl -MFcntl -e 'pipe(my $read, my $write) or die; fcntl($write, F_SETFL, O_WRONLY | O_NONBLOCK) or die;
    my $pid = fork // die;
    if (!$pid) { open(STDOUT, ">&", $write); open(STDERR, ">&", $write) if $ENV{BOTH}; exec @ARGV or die }
    close $write;
    for (my $used = 0; $used < 60000; select undef, undef, undef, 0.01) {
      my $count = pack "i", 0;
      ioctl($read, 0x541B, $count) or die; # FIONREAD
      $used = waitpid($pid, 1) ? 65536 : unpack "i", $count;
      $code = $? if $used == 65536;
    }
    local $/;
    print <$read>;
    waitpid($pid, 0) > 0 and $code = $?;
    exit $code >> 8' "$@"
}

# fill NUMBER: creates this many keys, each with a record.
fill() {
  redis EVAL 'for i = 1, tonumber(ARGV[1]) do local key = string.format("key-%s-%06d", string.rep("x", 90), i)
    redis.call("HSET", "{condolock}:job:" .. key, "v", 1, "runs", 1) redis.call("ZADD", "{condolock}:index", 1, key) end' 0 "$1" >/dev/null
}

@test "a pipe that is O_NONBLOCK gets the whole output" {
  fill 1500
  for form in --plain --json --prometheus ''; do
    "$CONDOLOCK" list $form >want
    [ "$(wc -c <want)" -gt 140000 ]
    nonblocking "$CONDOLOCK" list $form >got
    [ "$(wc -c <got)" -eq "$(wc -c <want)" ] || { echo "$form: $(wc -c <got) of $(wc -c <want)"; return 1; }
  done
}

@test "a pipe that is O_NONBLOCK gets all messages" {
  fill 1500
  for i in $(seq 1500); do printf 'HSET {condolock}:job:key-%s-%06d v x\n' "$(printf 'x%.0s' {1..90})" "$i"; done | redis >/dev/null
  code=0
  BOTH=1 nonblocking "$CONDOLOCK" list --plain >got || code=$?
  [ "$code" -eq 0 ]
  code=0
  BOTH=1 nonblocking "$CONDOLOCK" list --json >got || code=$?
  [ "$code" -eq 65 ]
  [ "$(grep -c '^condolock: error: the record ' got)" -eq 1500 ]
}

@test "output that cannot be written gives a message and exit code 70" {
  "$CONDOLOCK" touch K
  for command in 'list' 'list --json' 'status K' 'history K' 'check K' '--help' '--version' 'doctor'; do
    code=0
    "$CONDOLOCK" $command >/dev/full 2>err || code=$?
    [ "$code" -eq 70 ] || { echo "$command: $code"; return 1; }
    grep -qx 'condolock: error: cannot write to standard output: No space left on device' err
    # PIPE is ignored, and the pipe has no reader.
    code=0
    perl -e 'pipe(my $r, my $w); close $r; $SIG{PIPE} = "IGNORE"; open(STDOUT, ">&", $w); exec @ARGV' "$CONDOLOCK" $command 2>err || code=$?
    [ "$code" -eq 70 ]
    grep -qx 'condolock: error: cannot write to standard output: Broken pipe' err
  done
}
