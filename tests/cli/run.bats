load helper

@test "run executes and records the command, and skips the second time" {
  "$CONDOLOCK" touch checking
  run --separate-stderr "$CONDOLOCK" run --key K --min-time 300 --accessed-prior checking:300 -- echo 'a  b' '[0-9]'
  [ "$status" -eq 0 ]
  [ "$output" = 'a  b [0-9]' ]
  [ "$stderr" = '' ]
  [ "$(job K outcome)" = success ]
  run --separate-stderr "$CONDOLOCK" run -v --key K --min-time 300 --accessed-prior checking:300 -- echo no
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  [[ "$stderr" =~ ^'condolock: skipped K: last success '[0-9ms.]+' ago, needs 5m (due in '[0-9ms.]+')'$ ]]
}

@test "the command gets its arguments unchanged" {
  run -0 "$CONDOLOCK" run --key K -- printf '<%s>' '[0-9]' '' '--' '-x' '--key' '{a,b}' '*' '$HOME' "it's" 'a=b' '%%'
  [ "$output" = '<[0-9]><><--><-x><--key><{a,b}><*><$HOME><it'"'"'s><a=b><%%>' ]
  printf 'a1\nb\n' >f
  run -0 "$CONDOLOCK" run --key G -- grep '[0-9]' f
  [ "$output" = a1 ]
}

@test "the key may be an operand, with options after it" {
  run "$CONDOLOCK" run K --min-time 5 -- true
  [ "$status" -eq 0 ]
  [ "$(job K runs)" = 1 ]
}

@test "global options are accepted before and after the command" {
  unset CONDOLOCK_URL
  run "$CONDOLOCK" --url "unix://$REDIS_DIR/redis.sock" --namespace run run --key K -- true
  [ "$status" -eq 0 ]
  [ "$(redis HGET '{run}:job:K' runs)" = 1 ]
  run "$CONDOLOCK" run --key K -u "unix://$REDIS_DIR/redis.sock" --namespace=other -- true
  [ "$status" -eq 0 ]
  [ "$(redis EXISTS '{other}:job:K')" = 1 ]
}

@test "each reason for a skip is said in words" {
  export CI=true
  reason() { # $(...) does not end a function at a failing line, so this prints nothing unless all checks pass
    run --separate-stderr "$CONDOLOCK" run --key K "$@" -- echo no
    [ "$status" -eq 75 ] && [ "$output" = '' ] && echo "$stderr"
  }
  [ "$(reason --accessed-prior p:300)" = 'condolock: skipped K: p has not run yet, needs a success at most 5m ago' ]
  "$CONDOLOCK" touch --failed p
  backdate p ended 7830000
  [[ "$(reason --accessed-prior p:300)" =~ 'the last run of p failed 2h10m ago, needs a success at most 5m ago'$ ]]
  "$CONDOLOCK" touch p
  backdate p ended 7830000
  backdate p ok_end 7830000
  [[ "$(reason --accessed-prior p:300)" =~ 'p succeeded 2h10m ago, needs a success at most 5m ago'$ ]]
  "$CONDOLOCK" touch K
  backdate K ok_end 7830000
  [[ "$(reason --min-time 5h)" =~ ^'condolock: skipped K: last success 2h10m ago, needs 5h (due in 2h'(49|50)'m)'$ ]]
  [[ "$(reason --after p)" =~ 'p succeeded 2h10m ago, but not since the last success began'$ ]]
  "$CONDOLOCK" touch --failed K
  backdate K ended 7830000
  backdate K failed_at 7830000
  [[ "$(reason --retry-after 5h)" =~ ^'condolock: skipped K: the last run failed 2h10m ago, needs 5h (due in 2h'(49|50)'m)'$ ]]
  [[ "$(reason --max-failures 1)" =~ '1 or more failures in a row, the last 2h10m ago (when fixed, run: condolock touch KEY)'$ ]]
  backdate K ok_start 7830000
  [[ "$(reason --min-time 5h --min-time-from start)" =~ 'last success began 2h10m ago, needs 5h (due in 2h'(49|50)'m)'$ ]]
  mkfifo hold
  "$CONDOLOCK" run --key K --force -- cat hold 3>&- &
  wait_for held K
  backdate K h_start 7830000
  [[ "$(reason --min-time 1)" =~ ^'condolock: skipped K: held by '.*' (pid '[0-9]+') for 2h10m'$ ]]
  run "$CONDOLOCK" run --key K --busy-code 3 -E 4 -- true
  [ "$status" -eq 3 ]
  run "$CONDOLOCK" run --key K -E 4 -- true
  [ "$status" -eq 4 ]
  run "$CONDOLOCK" run --key L --busy-code 3 --accessed-prior q:1 -- true
  [ "$status" -eq 75 ]
  backdate K h_start 7830000
  run --separate-stderr "$CONDOLOCK" run --key L --not-running K -- echo no
  [ "$status" -eq 75 ]
  [ "$stderr" = 'condolock: skipped L: K has been running for 2h10m' ]
  : >hold
  wait
}

@test "run is silent without a terminal unless -v or CI is set, but always prints errors" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" run --key K --min-time 300 -- true
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  CI=1 run -75 "$CONDOLOCK" run --key K --min-time 300 -- true
  [ "${#lines[@]}" -eq 1 ]
  CI=1 run -75 "$CONDOLOCK" run -q --key K --min-time 300 -- true
  [ "$output" = '' ]
  run -127 "$CONDOLOCK" run -q --key K -- /no/such
  [ "$output" = "condolock: error: K: cannot run '/no/such': No such file or directory" ]
}

@test "--force ignores conditions, but not the lease" {
  run -0 "$CONDOLOCK" run --key K --force --accessed-prior p:1 -- echo yes
  [ "$output" = yes ]
  mkfifo hold
  "$CONDOLOCK" run --key K -- cat hold 3>&- &
  wait_for held K
  run "$CONDOLOCK" run --key K --force -- echo no
  [ "$status" -eq 75 ]
  : >hold
  wait
}

@test "exit codes 0 to 255 are those of the command" {
  for code in $(seq 0 255); do
    status=0
    "$CONDOLOCK" run --key K -- sh -c "exit $code" || status=$?
    [ "$status" -eq "$code" ] || { echo "$code became $status"; return 1; }
  done
  [ "$(job K runs)" = 256 ]
  [ "$(job K failures)" = 255 ]
}

@test "every signal that ends a process by default gives 128+n" {
  # 17, 18, 19 to 23 and 28 are ignored or stop a process; 32 and 33 belong to the C library.
  for number in $(seq 16) $(seq 24 27) $(seq 29 31) $(seq 34 64); do
    status=0
    perl -e "$reset" "$CONDOLOCK" run --key K -- sh -c "ulimit -c 0; kill -$number \$\$" || status=$?
    [ "$status" -eq $((128 + number)) ] || { echo "$number gave $status"; return 1; }
  done
}

@test "a missing command is 127, a file that cannot be executed or has a bad interpreter 126; the lease is released and nothing recorded" {
  printf '#!/no/such/interpreter\n' >bad
  chmod +x bad
  touch plain
  mkdir directory
  for case in /no/such:127 nosuchcommand:127 ./plain:126 ./directory:126 ./bad:126 plain/x:127; do
    run -"${case#*:}" "$CONDOLOCK" run --key K -- "${case%:*}"
    [ "$status" -eq "${case#*:}" ] || { echo "$case gave $status"; return 1; }
    [[ "$output" == "condolock: error: K: cannot run '${case%:*}': "* ]]
    [ "$(job K h_token)" = '' ]
    [ "$(job K runs)" = '' ]
  done
  # A script without a #! line runs, as from env(1) or a shell.
  echo 'echo plain' >plain
  chmod +x plain
  run -0 "$CONDOLOCK" run --key K -- ./plain
  [ "$output" = plain ]
}

# cannot CODE WORD REASON ARGUMENT...: the run ends with that code and prints only the reason, with the key and the word in
# quotes.
cannot() {
  run -"$1" "$CONDOLOCK" run -q --key K -- "${@:4}"
  [ "$output" = "condolock: error: K: cannot run '$2': $3" ] || { echo "$output"; return 1; }
}

@test "a command that cannot be run: the error has the key, the word, and what to write instead" {
  cannot 127 nosuchcommand 'not found in PATH' nosuchcommand x
  cannot 127 'ls -la' "not found in PATH (for a shell line write: sh -c 'ls -la')" 'ls -la'
  cannot 127 'FOO=1' 'not found in PATH (to set a variable write: env FOO=1 cmd)' FOO=1 cmd
  PATH=/no/such cannot 127 cd "not found in PATH: it is part of the shell (write: sh -c 'cd ...')" cd /x
  printf '#!/bin/sh\r\necho\r\n' >crlf
  chmod +x crlf
  cannot 126 ./crlf 'the script has CRLF line ends, so its interpreter would be '"'/bin/sh\x0d' (write: sed -i 's/\r\$//' ./crlf)" ./crlf
  sed -i 's/\r$//' ./crlf
  run -0 "$CONDOLOCK" run --key K -- ./crlf
  run -127 "$CONDOLOCK" run -q --key K --report-fd 3 -- 'ls -la' 3>report
  [ "$(jq -r 'select(.event == "finished").text' report)" = "not found in PATH (for a shell line write: sh -c 'ls -la')" ]
}

@test "the error names a file system that is mounted with noexec" {
  mkdir mounted
  printf '#!/bin/sh\n' >script
  run unshare --mount --propagation unchanged sh -c '{ mount --make-rprivate / 2>/dev/null || :; } &&
    mount -t tmpfs -o noexec none mounted && cp script mounted && chmod +x mounted/script && exec "$@"' sh "$CONDOLOCK" run --key K -- mounted/script
  [ "$status" -eq 126 ]
  [ "$output" = "condolock: error: K: cannot run 'mounted/script': its file system is mounted with noexec" ]
}

@test "a missing command is not 126 because of a directory in PATH that may not be searched" {
  install -m 755 "$CONDOLOCK" condolock # the other user may not see the directory of the build
  mkdir -m 0 closed
  chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
  PATH="$PWD/closed:/usr/bin" run -127 perl -e '$( = 65534; $) = "65534 65534"; $< = $> = 65534; exec @ARGV or die $!' "$PWD/condolock" run --url unix:///no/such --on-unreachable run --key K -- nosuchcommand
  [ "$status" -eq 127 ] || { echo "$status $output"; return 1; }
  [[ "$output" == *"cannot run 'nosuchcommand': not found in PATH"* ]]
}

@test "--jitter waits, and TERM ends it before any request is sent" {
  "$CONDOLOCK" run --key K --jitter 50ms -- true
  [ "$(job K runs)" = 1 ]
  redis CONFIG RESETSTAT >/dev/null
  "$CONDOLOCK" run --key K --jitter 3000d -- true 3>&- &
  condolock=$!
  wait_for sh -c "ls -l /proc/$condolock/fd | grep -q timerfd"
  kill -TERM "$condolock"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 143 ]
  redis INFO commandstats >stats
  grep -q '^cmdstat_config' stats
  expect_code 1 grep -q '^cmdstat_eval' stats
}

@test "-E and --success-code change the exit codes" {
  "$CONDOLOCK" touch K
  run "$CONDOLOCK" run -E 0 --key K --min-time 300 -- false
  [ "$status" -eq 0 ]
  run "$CONDOLOCK" run --skip-code 010 --key K --min-time 300 -- false
  [ "$status" -eq 10 ]
  run "$CONDOLOCK" run --key S --success-code 3 --success-code 4 -- sh -c 'exit 4'
  [ "$status" -eq 4 ]
  [ "$(job S outcome)" = success ]
  [ "$(job S code)" = 4 ]
  run -4 "$CONDOLOCK" run --key S --success-code 3 -- sh -c 'exit 4'
  [ "$(job S outcome)" = failed ]
}

@test "--timeout sends TERM, then KILL, exits with 124, and records timeout whatever the command returned" {
  run "$CONDOLOCK" run --key K --timeout 0.1 -- sh -c 'trap "exit 0" TERM; while :; do sleep 0.01; done'
  [ "$status" -eq 124 ]
  [[ "$output" =~ 'K ran longer than --timeout 100ms' ]]
  [ "$(job K outcome)" = timeout ]
  [ "$(job K failures_in_a_row)" = 1 ]
  # TERM is ignored from the start, so that it cannot come before a trap is set.
  run sh -c 'trap "" TERM; exec "$@"' sh "$CONDOLOCK" run --key K --timeout 100ms -k 100ms -- sh -c 'while :; do sleep 0.01; done'
  [ "$status" -eq 124 ]
  [ "$(job K code)" = 137 ]
  run "$CONDOLOCK" run --key K --timeout 0 -- true
  [ "$status" -eq 0 ]
}

@test "--timeout also ends processes that the command started and that ignore TERM" {
  run "$CONDOLOCK" run --key K --timeout 3 -k 5 -- sh -c '(trap "" TERM; echo $BASHPID >/dev/null; while :; do sleep 0.01; done) & echo $! >pid; wait'
  [ "$status" -eq 124 ]
  wait_for gone "$(cat pid)"
}

@test "the command gets its environment variables" {
  export CONDOLOCK_PASSWORD= REDIS_URL=redis://app:apps@h REDISCLI_AUTH= CONDOLOCK_FENCE=stale CONDOLOCK_RUN_ID=stale
  unset REDISCLI_AUTH
  run "$CONDOLOCK" run --key 'K x' -- env
  [ "$status" -eq 0 ]
  grep -qx 'CONDOLOCK_KEY=K x' <<<"$output"
  grep -qx "CONDOLOCK_FENCE=$(job 'K x' fence)" <<<"$output"
  grep -qx 'CONDOLOCK_LAST_SUCCESS=' <<<"$output"
  grep -qxE 'CONDOLOCK_RUN_ID=[A-Za-z0-9_-]{22}' <<<"$output"
  grep -qx 'REDIS_URL=redis://app:apps@h' <<<"$output"
  [ "$(grep -c '^CONDOLOCK_FENCE=' <<<"$output")" -eq 1 ]
  [ "$(grep -c '^CONDOLOCK_PASSWORD' <<<"$output")" -eq 0 ]
  start=$(job 'K x' ok_start)
  run -0 "$CONDOLOCK" run --key 'K x' -- sh -c 'echo $CONDOLOCK_LAST_SUCCESS; date -d @$CONDOLOCK_LAST_SUCCESS +%s'
  [ "${lines[0]}" = "${start:0:-3}.${start: -3}" ]
  [ "${lines[1]}" = "${start:0:-3}" ]
}

@test "twenty processes race for one key: exactly one runs" {
  for round in 1 2 3; do
    rm -f ran
    for i in $(seq 20); do
      "$CONDOLOCK" run --key "race$round" --min-time 300 -- sh -c 'echo ran >>ran' 3>&- &
      pids[i]=$!
    done
    skipped=0
    for i in $(seq 20); do
      code=0
      wait "${pids[i]}" || code=$?
      [ "$code" -eq 0 ] || [ "$code" -eq 75 ]
      ((code == 75)) && skipped=$((skipped + 1))
    done
    [ "$(wc -l <ran)" -eq 1 ]
    [ "$skipped" -eq 19 ]
  done
}

@test "many short runs by twenty processes never overlap, and fences grow" {
  for i in $(seq 20); do
    (for n in $(seq 10); do
      code=0
      "$CONDOLOCK" run --key K -- sh -c 'mkdir busy || echo overlap >>overlaps; echo $CONDOLOCK_FENCE >>fences; rmdir busy' || code=$?
      echo "$code" >>codes
    done) 3>&- &
  done
  wait
  [ ! -e overlaps ]
  [ "$(wc -l <codes)" -eq 200 ]
  expect_code 1 grep -qvx -e 0 -e 75 codes
  [ "$(grep -cx 0 codes)" -eq "$(wc -l <fences)" ]
  [ "$(wc -l <fences)" -ge 1 ]
  sort -n fences >sorted
  cmp fences sorted
  [ "$(uniq fences | wc -l)" -eq "$(wc -l <fences)" ]
}

@test "2 to 64 contenders with random delays never overlap, and fences grow" {
  cat >guarded <<'END'
mkdir busy || echo overlap >>overlaps
echo $CONDOLOCK_FENCE >>fences
perl -e 'select undef, undef, undef, rand 0.01'
rmdir busy
END
  for contenders in 2 8 64; do
    rm -f fences
    contended=()
    for i in $(seq "$contenders"); do
      perl -e 'select undef, undef, undef, rand 1; exec @ARGV or die' "$CONDOLOCK" run --key K --wait 10m -- sh guarded 3>&- &
      contended+=($!)
    done
    for pid in "${contended[@]}"; do wait "$pid"; done
    [ ! -e overlaps ]
    [ "$(wc -l <fences)" -eq "$contenders" ]
    sort -n -u fences | cmp - fences
  done
}

@test "a run takes three round trips and two script calls" {
  "$CONDOLOCK" run --key warm -- true # caches the scripts
  start_proxy
  redis CONFIG RESETSTAT >/dev/null
  "$CONDOLOCK" run --key K --min-time 300 -- true
  [ "$(tr '\n' ' ' <proxy.log)" = 'connect > < > < ' ]
  stats=$(redis INFO commandstats)
  grep -q 'cmdstat_evalsha:calls=2,' <<<"$stats"
  expect_code 1 grep -q 'cmdstat_eval:' <<<"$stats"
}

@test "run itself writes nothing to stdout, and leaves stdin to the command" {
  run -0 --separate-stderr "$CONDOLOCK" run -v --key K -- cat <<<'in'
  [ "$output" = in ]
  [[ "${stderr_lines[0]}" =~ ^'condolock: running K (fence '[0-9]+')'$ ]]
  [[ "${stderr_lines[1]}" =~ ^'condolock: K succeeded after '[0-9.]+m?s$ ]]
  [ "${#stderr_lines[@]}" -eq 2 ]
}

@test "keys and hosts are escaped" {
  key=$'k\e[31m\xe2\x80\xae'
  run -75 "$CONDOLOCK" run -v --key "$key" --accessed-prior "$key:5" -- true
  [ "$output" = 'condolock: skipped k\x1b[31m\xe2\x80\xae: k\x1b[31m\xe2\x80\xae has not run yet, needs a success at most 5s ago' ]
}

@test "a password in --url works, with a warning" {
  redis ACL SETUSER job on '>s3cret' '~*' '+@all' >/dev/null
  run "$CONDOLOCK" run --url "unix://job:s3cret@$REDIS_DIR/redis.sock" --key K -- true
  [ "$status" -eq 0 ]
  [[ "$output" =~ 'warning: the password in --url' ]]
  [[ ! "$output" =~ s3cret ]]
  CONDOLOCK_URL="unix://job:s3cret@$REDIS_DIR/redis.sock" run "$CONDOLOCK" run --key K -- env
  [ "$status" -eq 0 ]
  grep -qx "CONDOLOCK_URL=unix://job@$REDIS_DIR/redis.sock" <<<"$output"
  [[ ! "$output" =~ s3cret ]]
}

@test "the password comes from the file or the environment, by their priority" {
  redis ACL SETUSER job on '>right' '~*' '+@all' >/dev/null
  printf 'right\n' >right
  printf 'wrong\n' >wrong
  chmod 600 right wrong
  ask() { "$CONDOLOCK" run --user job --key K "$@" -- env; }
  CONDOLOCK_PASSWORD=right run ask
  [ "$status" -eq 0 ]
  [ "$(grep -c '^CONDOLOCK_PASSWORD=' <<<"$output")" -eq 0 ]
  REDISCLI_AUTH=right run ask
  [ "$status" -eq 0 ]
  grep -qx 'REDISCLI_AUTH=right' <<<"$output"
  CONDOLOCK_PASSWORD=right REDISCLI_AUTH=wrong run ask
  [ "$status" -eq 0 ]
  CONDOLOCK_PASSWORD_FILE=right CONDOLOCK_PASSWORD=wrong run ask
  [ "$status" -eq 0 ]
  CONDOLOCK_PASSWORD_FILE=wrong run ask --password-file right
  [ "$status" -eq 0 ]
  run ask --password-file wrong
  [ "$status" -eq 77 ]
  CONDOLOCK_USER=job run "$CONDOLOCK" run --password-file right --key K -- true
  [ "$status" -eq 0 ]
  chmod 622 right
  run ask --password-file right
  [ "$status" -eq 78 ]
  [[ "$output" =~ 'is writable by others' ]]
  run ask --password-file missing
  [ "$status" -eq 78 ]
  run ask --password-file .
  [ "$status" -eq 78 ]
  mkfifo fifo
  run ask --password-file fifo
  [ "$status" -eq 78 ]
  : >empty
  run ask --password-file empty
  [ "$status" -eq 78 ]
}
