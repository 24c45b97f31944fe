load helper

# A server that lies: wrong numbers, endless replies, replies that drive a client into a loop. tests/support/fake_redis.pl is
# that server. Under sanitizers, an overflow ends the program, so these tests fail.

# requests NAME: how many requests of this name came.
requests() { grep -cx "$1" requests || :; }

@test "hostile: replies that come byte by byte are read" {
  fake bytewise 'acquire=granted 17 1000 900' 'finish=recorded 0'
  run -0 "$CONDOLOCK" run --key K -- sh -c 'echo "$CONDOLOCK_FENCE"'
  [ "$output" = 17 ]
}

@test "hostile: a second NOSCRIPT is 76, and so is a flood of them" {
  for rule in 'raw:-NOSCRIPT no\r\n' 'many:100000:-NOSCRIPT no\r\n' 'flood:-NOSCRIPT no\r\n'; do
    fake "acquire=$rule"
    run -76 "$CONDOLOCK" run --key K -- touch ran
    [[ "$output" =~ 'K was not run: '.*'says: NOSCRIPT no' ]]
    [ "$(requests 'EVAL acquire')" -eq 1 ]
    [ "$(requests NOSCRIPT)" -eq 1 ]
    [ ! -e ran ]
  done
}

@test "hostile: NOSCRIPT to every finish: finish is repeated after pauses until --record-timeout, then 74" {
  fake 'acquire=granted 17 1000 -' 'finish=raw:-NOSCRIPT no\r\n'
  run -74 "$CONDOLOCK" run --key K --lease 60s --record-timeout 3s --redis-timeout 1s -- true
  # The pause is at least half a second.
  [ "$(requests 'EVAL finish')" -le 8 ]
}

@test "a server that is not ready is asked again until it is, or until the deadline, and gets no count of a skip" {
  for error in 'LOADING Redis is loading the dataset in memory' 'BUSY Redis is busy running a script' 'CLUSTERDOWN The cluster is down' \
    'TRYAGAIN Multiple keys request during rehashing of slot' 'MASTERDOWN Link with MASTER is down'; do
    fake "acquire=raw:-$error\r\n" "acquire=raw:-$error\r\n" 'acquire=granted 17 1000 -' "finish=raw:-$error\r\n" 'finish=recorded 0'
    run -0 "$CONDOLOCK" run --key K --redis-timeout 20s --on-unreachable skip -- touch ran
    [ -e ran ] || { echo "$error: $output"; return 1; }
    [ "$(requests acquire)" -ge 2 ] && [ "$(requests 'EVAL acquire')" -eq 1 ]
    rm ran
    fake "acquire=raw:-$error\r\n"
    run -69 "$CONDOLOCK" run --key K --redis-timeout 2s --on-unreachable skip -- touch ran
    [[ "$output" == *"${error%% *}"* ]] || { echo "$error: $output"; return 1; }
    [ ! -e ran ]
  done
}

@test "hostile: a reply over a limit is 76, and the message names the key and what to do" {
  for limit in 'flood:$999999999\r\nxxxxxxxxxxxxxxxx|longer than 8 MiB' 'flood:-xxxxxxxxxxxxxxxxxxxxxxxxxxxx|longer than 8 MiB' \
    'raw:*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n|more than 7 deep'; do
    fake "acquire=${limit%|*}" "status=${limit%|*}"
    run -76 "$CONDOLOCK" run --key K -- touch ran
    [[ "$output" =~ 'K was not run: ' && "$output" =~ "${limit##*|}" ]]
    [[ "$output" =~ 'condolock reset K --yes' ]]
    run -76 "$CONDOLOCK" status K
    [[ "$output" =~ "${limit##*|}: the record of K is damaged" ]]
    run -76 "$CONDOLOCK" status K L
    [[ "$output" =~ "${limit##*|}: ask for fewer keys at once" ]]
    [ ! -e ran ]
  done
  fake 'acquire=held 1_h 3 20000 1 1' 'BLPOP=raw:*1000000\r\n'
  run -75 "$CONDOLOCK" run --key K --wait 1 --redis-timeout 1s -- touch ran # a reply that never ends counts as no answer
  fake 'acquire=held 1_h 3 20000 1 1' 'BLPOP=many:300000::1\r\n'
  run "$CONDOLOCK" run --key K --wait 1 --redis-timeout 1s -- touch ran
  [ "$status" -eq 76 ]
  [ ! -e ran ]
}

@test "hostile: a server that sends without a pause does not delay signals or deadlines" {
  fake 'acquire=granted 17 1000 -' 'renew=flood:-NOSCRIPT no\r\n' 'finish=flood:-NOSCRIPT no\r\n'
  run -124 "$CONDOLOCK" run --key K --lease 30s --timeout 1s --record-timeout 1s --redis-timeout 1s -- sleep 60
  fake 'acquire=granted 17 1000 -' 'renew=flood:-NOSCRIPT no\r\n' 'finish=recorded 0'
  code=0
  "$CONDOLOCK" run --key K --lease 30s -- sh -c 'trap "exit 5" TERM; : >began; while :; do sleep 0.01; done' 3>&- &
  condolock=$!
  wait_for grep -qx 'EVAL renew' requests
  kill -TERM "$condolock"
  wait "$condolock" || code=$?
  [ "$code" -eq 5 ]
}

@test "hostile: a grant with a bad number is 76, runs no command, and is abandoned" {
  for grant in '0 1000 -' '-5 1000 -' '9007199254740993 1000 -' '9223372036854775807 1000 -' '9223372036854775808 1000 -' \
    '1e3 1000 -' '17 0 -' '17 -1 -' '17 9223372036854775807 -' '17 -9223372036854775808 -' '17 1000 -1' '17 1000' '17 1000 - -'; do
    fake "acquire=granted $grant" 'abandon=abandoned'
    run -76 "$CONDOLOCK" run --key K -- touch ran
    [[ "$output" == 'condolock: error: K was not run: '* ]]
    [ "$(requests 'EVAL abandon')" -eq 1 ]
    [ ! -e ran ]
  done
  fake 'acquire=granted 0 1000 -'
  run -76 "$CONDOLOCK" run --key K -- touch ran
  [ "$output" = "condolock: error: K was not run: the server answered granted with the fence '0', which must be a number from 1 to 9007199254740992" ]
}

@test "hostile: every number of every reply is checked, in every command" {
  # COMMAND|REPLY with an N in place of the number.
  while IFS='|' read -r command rule; do
    for number in -9223372036854775808 -9007199254740993 9007199254740993 9223372036854775807 99999999999999999999 x; do
      fake "${rule//N/$number}" 'ROLE=raw:*1\r\n$6\r\nmaster\r\n' 'abandon=abandoned'
      run "$CONDOLOCK" $command
      [ "$status" -eq 76 ] || { echo "$command, $rule, $number: $status, $output"; return 1; }
      [[ "$output" =~ "'$number', which must be a number from " ]]
    done
  done <<'END'
run --key K -- touch ran|acquire=held 1_h N 20 1 1
run --key K -- touch ran|acquire=held 1_h 3 N 1 1
run --key K -- touch ran|acquire=held 1_h 3 20 N 1
run --key K -- touch ran|acquire=held 1_h 3 20 1 N
run --key K --wait 9 -- touch ran|acquire=held 1_h 3 N 1 1
run --key K -- touch ran|acquire=paused N why - - -
run --key K -- touch ran|acquire=paused 5 why by N -
run --key K --wait 9 -- touch ran|acquire=paused N why - - -
run --key K --min-time 5 -- touch ran|acquire=skipped N recent 3 20 -
run --key K --min-time 5 -- touch ran|acquire=skipped 1 recent N 20 -
run --key K --min-time 5 --wait 9 -- touch ran|acquire=skipped 1 recent 3 N -
check --key K|acquire=verdicts 1_h N 20 1 1 - - - - - - -
check --key K|acquire=verdicts 1_h 3 N 1 1 - - - - - - -
check --key K|acquire=verdicts 1_h 3 20 N 1 - - - - - - -
check --key K|acquire=verdicts - - - 0 1 1 N why - - - -
check --key K|acquire=verdicts - - - 0 1 1 5 why by N - -
check --key K|acquire=verdicts - - - 0 1 - - - - - - N
check --key K --min-time 5|acquire=verdicts - - - 0 1 - - - - - - - recent N 20
check --key K --min-time 5|acquire=verdicts - - - 0 1 - - - - - - - recent 3 N
unlock K|unlock=revoked N 1_h 3 20
unlock K|unlock=revoked 1 1_h N 20
unlock K|unlock=revoked 1 1_h 3 N
unlock --now K|unlock=removed 1 1_h N 20
unlock --now K|unlock=removed 1 1_h 3 N
reset --yes K|reset=held 1_h 3 N 1
history K|history=runs N
list|list=names 5 a N 0
list|list=names 5 a 0 N
status K|status=records N - - - - - none
status K|status=records 1000 1 N - - - none
status K|status=records 1000 1 5 why by N none
status K|status=records 1000 - - - - - record 1 N 5 600 - 1_h 1 - 0
status K|status=records 1000 - - - - - record 1 2000 N 600 - 1_h 1 - 0
status K|status=records 1000 - - - - - record 1 2000 5 N - 1_h 1 - 0
status K|status=records 1000 - - - - - record 0 N - 0
status K|status=records 1000 - - - - - record 0 1 N 0
status K|status=records 1000 - - - - - record 0 1 - 1 fence N
status K|status=records 1000 - - - - - record 0 1 - 1 code N
status K|status=records 1000 - - - - - record 0 1 - 1 paused_until N
END
  [ ! -e ran ]
}

@test "hostile: a bad number in one record does not hide the others" {
  fake 'status=records 1000 - - - - - record 0 1 - 1 code 256 record 0 1 - 1 skips 3' 'ROLE=raw:*1\r\n$6\r\nmaster\r\n'
  run --separate-stderr "$CONDOLOCK" status --json K L
  [ "$status" -eq 76 ]
  [[ "$stderr" == "condolock: error: K: the server answered records with the field code '256', which must be a number from 0 to 255" ]]
  [ "$(jq '.keys[1].skips_since_last_run' <<<"$output")" = 3 ]
}

@test "hostile: a list of names that never ends is 76" {
  fake 'list=names 5 a 0' 'ROLE=raw:*1\r\n$6\r\nmaster\r\n'
  run -76 "$CONDOLOCK" list
}

@test "hostile: renewals with bad numbers are failed renewals" {
  fake 'acquire=granted 17 1000 -' 'renew=lost -5' 'finish=recorded 0'
  run -79 "$CONDOLOCK" run --key K --lease 4s -- sleep 60
  [[ "$output" =~ 'could not be renewed in time' ]]
}

@test "hostile: a grant followed by silence ends in time" {
  fake 'acquire=granted 17 1000 -' 'renew=silent' 'finish=silent'
  run -79 "$CONDOLOCK" run --key K --lease 4s --record-timeout 0 --redis-timeout 1s -- sleep 60
}

@test "hostile: a waiter sends only a few requests a second, whatever a server answers at once" {
  # About 25 in two seconds. If the machine stalls for half a second, a sleep looks as if it had not been in vain.
  while IFS='|' read -r condition acquire blpop; do
    fake "acquire=$acquire" "BLPOP=$blpop"
    run "$CONDOLOCK" run --key K $condition --wait 2 -- touch ran
    [ "$status" -eq 75 ] || { echo "$acquire: $status, $output"; return 1; }
    [ "$(wc -l <requests)" -le 100 ] || { echo "$acquire: $(wc -l <requests) requests"; return 1; }
  done <<'END'
|held 1_h 3 20000 1 1|wake 1
|held 1_h 3 20000 1 1|raw:*-1\r\n
|held 1_h 3 1 1 1|raw:*-1\r\n
|held 1_h 3 0 1 1|raw:$3\r\nyes\r\n
|held 1_h 3 20000 1 1|raw:-UNBLOCKED no\r\n
|paused 1 - - - -|wake 1
|paused - - - - -|wake 1
--min-time 5|skipped 1 recent 3 0 -|wake 1
--min-time 5|skipped 1 recent 3 1 -|wake 1
END
  # A server that closes the connection at each sleep, or that answers only with errors.
  fake 'acquire=held 1_h 3 20000 1 1' 'BLPOP=close'
  run "$CONDOLOCK" run -q --key K --wait 2 -- touch ran
  [ "$(wc -l <requests)" -le 100 ]
  fake 'acquire=raw:-LOADING no\r\n'
  run -69 "$CONDOLOCK" run --key K --wait 2 --redis-timeout 1s -- touch ran
  [ "$(wc -l <requests)" -le 20 ]
  [ ! -e ran ]
}

@test "hostile: renewals that fail at once are repeated after pauses" {
  fake 'acquire=granted 17 1000 -' 'renew=raw:-ERR no\r\n' 'finish=recorded 0'
  run -79 "$CONDOLOCK" run --key K --lease 6s --kill-after 1s -- sleep 60
  # Four seconds, from the first second on, with a pause of 50 to 100 ms.
  [ "$(requests renew)" -le 90 ]
}
