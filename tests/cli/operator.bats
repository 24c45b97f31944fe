load helper

# list, history, reset, doctor.

odd=$'a\xff\x1b[31mx"\\y'
long=$(printf 'k%.0s' $(seq 300))

@test "list prints a sorted line for each key, with its state" {
  "$CONDOLOCK" run --key sync -- true
  expect_code 7 "$CONDOLOCK" run --key report -- sh -c 'exit 7'
  expect_code 75 "$CONDOLOCK" run --key report --max-failures 1 -- true
  "$CONDOLOCK" pause paused --for 1h
  "$CONDOLOCK" run --key live -- sleep 60 3>&- &
  wait_for held live
  "$CONDOLOCK" run --key lost -- true
  redis HSET '{condolock}:job:lost' h_token x h_until 1 h_fence 1 h_start 1 h_who '1 gone' >/dev/null
  run --separate-stderr "$CONDOLOCK" list
  [ "$status" -eq 0 ]
  [ "$stderr" = '' ]
  [ "${#lines[@]}" -eq 6 ]
  [[ "${lines[0]}" =~ ^'KEY     LAST SUCCESS  LAST RUN '\ +'SKIPS  STATE'$ ]]
  [[ "${lines[1]}" =~ ^'live    never         never '\ +'0  running on '.+' (pid '[0-9]+') for '[0-9ms.]+$ ]]
  [[ "${lines[2]}" =~ ^'lost    '[0-9ms.]+' ago '.*'  lost'$ ]]
  [[ "${lines[3]}" =~ ^'paused  never         never '\ +'0  paused for another '[0-9hms]+$ ]]
  [[ "${lines[4]}" =~ ^'report  never         failed (7), '[0-9ms.]+' ago      1  idle'$ ]]
  [[ "${lines[5]}" =~ ^'sync    '[0-9ms.]+' ago '\ +'success, '[0-9ms.]+' ago '\ +'0  idle'$ ]]
}

@test "list: a glob matches as in a shell" {
  for key in backup-a backup-b other; do "$CONDOLOCK" touch $key; done
  [ "$("$CONDOLOCK" list --plain 'backup-*')" = $'backup-a\nbackup-b' ]
  [ "$("$CONDOLOCK" list --plain 'backup-[!a]')" = backup-b ]
  [ "$("$CONDOLOCK" list --plain o????)" = other ]
  [ "$("$CONDOLOCK" list --json 'b*' | jq -r '.keys[].key' | tr '\n' ' ')" = 'backup-a backup-b ' ]
  run "$CONDOLOCK" list --plain nothing
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
}

@test "list, history and reset with an empty Redis print nothing and exit with 0" {
  for form in '' --plain; do
    run --separate-stderr "$CONDOLOCK" list $form
    [ "$status" -eq 0 ]
    [ "$output$stderr" = '' ]
  done
  run -0 --separate-stderr "$CONDOLOCK" list --prometheus
  [ "$(grep -o '^condolock_[a-z_]*' <<<"$output")" = $'condolock_namespace_paused\ncondolock_scrape_timestamp_seconds' ]
  [ "$("$CONDOLOCK" list --json | jq -c .)" = '{"schema":1,"keys":[]}' ]
  run -0 --separate-stderr "$CONDOLOCK" list -v
  [ "$stderr" = 'condolock: no key in the namespace condolock' ]
  run -0 --separate-stderr "$CONDOLOCK" list -v 'x*'
  [ "$stderr" = 'condolock: no key matches in the namespace condolock' ]
  [ "$(redis DBSIZE)" = 0 ]
}

@test "list --plain prints one line for each key, whatever bytes it has" {
  "$CONDOLOCK" touch "$odd"
  "$CONDOLOCK" touch $'two\nlines'
  "$CONDOLOCK" touch "$long"
  [ "$("$CONDOLOCK" list --plain)" = "a\\xff\\x1b[31mx\"\\\\y"$'\n'"$long"$'\ntwo\\x0alines' ]
}

@test "list --json prints the same as status --json for each key" {
  "$CONDOLOCK" run --key K -- true
  "$CONDOLOCK" touch "$odd"
  "$CONDOLOCK" list --json | jq -S 'del(.keys[].now)' >listed
  "$CONDOLOCK" status --json K "$odd" | jq -S 'del(.keys[].now)' >shown
  diff listed shown
  [ "$(jq -r '.keys[1].known' listed)" = true ]
}

@test "list --json and --prometheus read hundreds of keys in several portions" {
  redis EVAL 'for i = 1, 450 do redis.call("ZADD", "{condolock}:index", i, "k" .. i) redis.call("HSET", "{condolock}:job:k" .. i, "v", 1, "runs", i) end' 0 >/dev/null
  [ "$("$CONDOLOCK" list --json | jq '.keys | length')" = 450 ]
  [ "$("$CONDOLOCK" list --json | jq '[.keys[].runs] | add')" = $((450 * 451 / 2)) ]
  [ "$("$CONDOLOCK" list --prometheus | grep -c '^condolock_runs_total{')" = 450 ]
  [ "$("$CONDOLOCK" list | wc -l)" = 451 ]
}

@test "list --prometheus passes promtool, and has the right values" {
  "$CONDOLOCK" run --key ok -- sleep 0.1
  expect_code 7 "$CONDOLOCK" run --key bad -- sh -c 'exit 7'
  expect_code 75 "$CONDOLOCK" run --key bad --max-failures 1 -- true
  "$CONDOLOCK" touch "$odd"
  "$CONDOLOCK" touch "$long"
  "$CONDOLOCK" pause paused --reason $'a "b"\n'
  "$CONDOLOCK" run --key live -- sleep 60 3>&- &
  wait_for held live
  "$CONDOLOCK" run --key gone -- true
  redis HSET '{condolock}:job:gone' h_token x h_until 1 h_fence 1 h_start 1 h_who $'1 \e[31mh"' >/dev/null
  run -127 "$CONDOLOCK" run --key typo -- /no/such
  "$CONDOLOCK" list --prometheus >metrics
  expect_code 1 grep -q typo metrics
  promtool check metrics <metrics >said 2>&1
  [ ! -s said ]
  value() { sed -n "s/^condolock_$1{namespace=\"condolock\",key=\"$2\"} //p" metrics; }
  [ "$(value runs_total ok)" = 1 ]
  [ "$(value failures_total ok)" = 0 ]
  [ "$(value last_exit_code bad)" = 7 ]
  [ "$(value failures_total bad)" = 1 ]
  [ "$(value skips bad)" = 1 ]
  [ "$(value held live)" = 1 ]
  [ "$(value held ok)" = 0 ]
  [ "$(value paused paused)" = 1 ]
  [ "$(value paused ok)" = 0 ]
  [ "$(value malformed ok)" = 0 ]
  [ "$(value lost ok)" = 0 ]
  [ "$(value lost gone)" = 1 ]
  [ "$(value held gone)" = 0 ]
  [ "$(value last_success_timestamp_seconds live)" = '' ]
  [ "$(value last_success_timestamp_seconds bad)" = '' ]
  end=$(job ok ok_end)
  [ "$(value last_success_timestamp_seconds ok)" = "${end:0:-3}.${end: -3}" ]
  end=$(job bad failed_at)
  [ "$(value last_failure_timestamp_seconds bad)" = "${end:0:-3}.${end: -3}" ]
  [[ "$(value last_duration_seconds ok)" =~ ^[0-9]+\.[0-9]{3}$ ]]
  grep -qF 'key="a\\xff\\x1b[31mx\"\\\\y"' metrics
  grep -q "key=\"$long\"" metrics
  # Every printed metric is documented, and every documented one is printed.
  diff <(grep -o '^condolock_[a-z_]*' metrics | sort -u) <(grep -oE '^\| `condolock_[a-z_]+' "$SOURCE_DIR/docs/output.md" | grep -o 'condolock_[a-z_]*' | sort -u)
}

@test "list: a malformed record is reported with 65, and does not hide others" {
  "$CONDOLOCK" touch a
  "$CONDOLOCK" touch c
  redis ZADD '{condolock}:index' 1 b >/dev/null
  redis SET '{condolock}:job:b' x >/dev/null
  for form in --prometheus '' --json; do
    run --separate-stderr "$CONDOLOCK" list $form
    [ "$status" -eq $([ "$form" = --prometheus ] && echo 0 || echo 65) ] # there, a metric reports it
    [ "$form" != --prometheus ] || grep -qx 'condolock_malformed{namespace="condolock",key="b"} 1' <<<"$output"
    [ "$stderr" = 'condolock: error: the record {condolock}:job:b is malformed: holds another type of value (condolock reset b --yes removes it)' ]
    [[ "$output" == *a* && "$output" == *c* ]]
  done
  [ "$("$CONDOLOCK" list --json 2>/dev/null | jq -r '.keys[1].error')" = 'the record {condolock}:job:b is malformed: holds another type of value (condolock reset b --yes removes it)' ]
  [ "$("$CONDOLOCK" list --plain)" = $'a\nb\nc' ]
  redis DEL '{condolock}:index' >/dev/null
  redis SET '{condolock}:index' x >/dev/null
  run --separate-stderr "$CONDOLOCK" list
  [ "$status" -eq 65 ]
  [ "$stderr" = 'condolock: error: the record {condolock}:index is malformed: holds another type of value (redis-cli DEL '\''{condolock}:index'\'' removes it)' ]
}

@test "list uses neither SCAN nor KEYS, and works on a replica" {
  "$CONDOLOCK" touch a
  redis CONFIG RESETSTAT >/dev/null
  for form in '' --plain --json --prometheus; do "$CONDOLOCK" list $form >/dev/null; done
  redis INFO commandstats >stats
  grep -q cmdstat_zrange stats
  expect_code 1 grep -qE 'cmdstat_(scan|keys|zscan|hscan)' stats
  start_redis "$REDIS_DIR/second.sock" "$REDIS_DIR/second.pid" --replicaof 127.0.0.1 1
  run --separate-stderr env CONDOLOCK_URL="unix://$REDIS_DIR/second.sock" "$CONDOLOCK" list
  [ "$status" -eq 0 ]
  [ "$stderr" = 'condolock: warning: a replica answered, and its data may be old' ]
}

@test "history prints bars and a table, in ASCII if the locale is not UTF-8" {
  unset LC_ALL LC_CTYPE LANG
  redis RPUSH '{condolock}:runs:K' '5 1700000000000 1700000008000 success 0 4121 web1' '4 1690000000000 1690000002000 failed 7 5 web2' \
    '0 1685000000000 1685000000000 success 0 9 web1' "3 1680000000000 1680000000000 lost - 1 $odd" >/dev/null
  redis HSET '{condolock}:job:K' v 1 ended 1700000008000 outcome success >/dev/null
  cat >wanted <<'END'
K: 4 runs, 2 failed, median 2s, longest 8s  _.#
   BEGAN                    TOOK  OUTCOME            ON
+  2023-11-14 22:13:20 UTC    8s  success            web1 (pid 4121)
x  2023-07-22 04:26:40 UTC    2s  failed (7)         web2 (pid 5)
+  2023-05-25 07:33:20 UTC        success, by touch  web1 (pid 9)
x  2023-03-28 10:40:00 UTC    0s  lost               a\xff\x1b[31mx"\\y (pid 1)
END
  shows() { "$@" >shown && diff wanted shown; }
  shows "$CONDOLOCK" history --utc K
  LANG=de_DE.UTF-8 LC_ALL=C shows "$CONDOLOCK" history --utc K
  sed -i '1s/_.#/▁▂█/; s/^+/✓/; s/^x/✗/' wanted
  LC_ALL=C.UTF-8 shows "$CONDOLOCK" history --utc --key K
  LANG=en_US.utf8 shows "$CONDOLOCK" history --utc K
  [[ "$(LANG=en_US.utf8 "$CONDOLOCK" history K --limit 1)" == 'K: 1 run, 0 failed, median 8s, longest 8s  █'* ]]
  [[ "$("$CONDOLOCK" history K --color always)" == *$'\x1b[31mx\x1b[0m'* ]]
}

@test "history --json prints the runs as one document" {
  redis RPUSH '{condolock}:runs:K' '5 1700000000000 1700000008123 failed 7 4121 web1' '0 1685000000000 1685000000000 success 0 9 web1' '3 1680000000000 1680000000001 lost - 1 w' >/dev/null
  redis HSET '{condolock}:job:K' v 1 ended 1700000008123 outcome failed >/dev/null
  "$CONDOLOCK" history K --json >document
  [ "$(jq -c '[.schema, .key, .known, (.runs | length)]' document)" = '[1,"K",true,3]' ]
  [ "$(jq -cS '.runs[0]' document)" = '{"duration_ms":8123,"end":{"ms":1700000008123,"rfc3339":"2023-11-14T22:13:28.123Z"},"exit_code":7,"fence":5,"host":"web1","outcome":"failed","pid":4121,"start":{"ms":1700000000000,"rfc3339":"2023-11-14T22:13:20.000Z"}}' ]
  [ "$(jq -c '[.runs[1].fence, .runs[2].exit_code]' document)" = '[null,null]' ]
}

@test "history shows a run in progress, and says if a key is unknown" {
  "$CONDOLOCK" run --key K --history 3 -- true
  expect_code 124 "$CONDOLOCK" run --key K --history 3 --timeout 0.1 -- sleep 60
  for i in 1 2; do expect_code $i "$CONDOLOCK" run --key K --history 3 -- sh -c "exit $i"; done
  [ "$("$CONDOLOCK" history K --json | jq -c '[.runs[] | [.outcome, .exit_code]]')" = '[["failed",2],["failed",1],["timeout",143]]' ]
  "$CONDOLOCK" run --key "$odd" -- true
  [[ "$("$CONDOLOCK" history "$odd")" == 'a\xff\x1b[31mx"\\y: 1 run, '* ]]
  run --separate-stderr "$CONDOLOCK" history nobody
  [ "$status" -eq 1 ]
  [ "$output" = 'nobody: no record' ]
  run --separate-stderr "$CONDOLOCK" history nobody --json
  [ "$status" -eq 1 ]
  [ "$(jq -cS . <<<"$output")" = '{"key":"nobody","known":false,"runs":[],"schema":1}' ]
  "$CONDOLOCK" run --key none --history 0 -- true
  run "$CONDOLOCK" history none
  [ "$status" -eq 0 ]
  [ "$output" = 'none: no run in the history' ]
  redis LPUSH '{condolock}:runs:K' rubbish >/dev/null
  run --separate-stderr "$CONDOLOCK" history K
  [ "$status" -eq 65 ]
  [ "$stderr" = 'condolock: error: the history of K is malformed: it has an invalid row (condolock reset K --yes removes it)' ]
}

@test "reset --yes: the next run is like a first run" {
  "$CONDOLOCK" run --key K --once v1 -- true
  "$CONDOLOCK" pause K
  run "$CONDOLOCK" reset K unknown --yes
  [ "$status" -eq 0 ]
  [ "$output" = '' ]
  run "$CONDOLOCK" status K
  [ "$status" -eq 1 ]
  [ "$("$CONDOLOCK" list --plain)" = '' ]
  "$CONDOLOCK" run --key K --min-time 1d --once v1 -- touch ran
  [ -e ran ]
  run -0 --separate-stderr "$CONDOLOCK" reset -v K unknown -y
  [ "$stderr" = $'condolock: K: record deleted\ncondolock: unknown has no record' ]
}

@test "reset exits with 75 for a running key, and still forgets the others" {
  "$CONDOLOCK" touch other
  "$CONDOLOCK" run --key K -- sleep 60 3>&- &
  wait_for held K
  run --separate-stderr "$CONDOLOCK" reset K other --yes
  [ "$status" -eq 75 ]
  [[ "$stderr" =~ ^'condolock: error: K is held by '.+' (pid '[0-9]+'), so its record was not deleted: wait, or run condolock unlock'$ ]]
  [ "$(job other runs)" = '' ]
  held K
}

@test "reset asks on a terminal, and needs --yes elsewhere" {
  "$CONDOLOCK" touch "$odd"
  "$CONDOLOCK" touch K
  run --separate-stderr "$CONDOLOCK" reset K
  [ "$status" -eq 64 ]
  [ "$stderr" = 'condolock: error: no terminal to confirm on: use --yes' ]
  run --separate-stderr "$CONDOLOCK" reset K <<<y
  [ "$status" -eq 64 ]
  export odd
  for answer in n '' nonsense yy; do
    run script -qec '"$CONDOLOCK" reset K "$odd"' /dev/null <<<"$answer"
    [ "$status" -eq 75 ]
    [[ "$output" == *'condolock: delete the records of K, a\xff\x1b[31mx"\\y? [y/N] '* ]]
    [ "$(job K runs)" = 1 ]
  done
  for answer in y yes Y; do
    "$CONDOLOCK" touch K
    run script -qec '"$CONDOLOCK" reset K "$odd"' /dev/null <<<"$answer"
    [ "$status" -eq 0 ]
    [ "$(job K runs)" = '' ]
  done
  run script -qec '"$CONDOLOCK" reset -q K' /dev/null </dev/null
  [ "$status" -eq 75 ]
}

@test "doctor exits with 0, 1 or 2, and each line says what it means and what to do" {
  start_redis "$REDIS_DIR/fit.sock" "$REDIS_DIR/fit.pid" --appendonly yes
  export CONDOLOCK_URL=unix://$REDIS_DIR/fit.sock
  run --separate-stderr "$CONDOLOCK" doctor
  [ "$status" -eq 0 ]
  [ "$stderr" = '' ]
  [ "${lines[-1]}" = 'no problems found: runs work' ]
  expect_code 1 grep -qv '^ok ' <<<"$(sed '1d; $d' <<<"$output")"
  [[ "$output" == *'ok  persistence  AOF with fsync every second: '* ]]
  redis-cli -s "$REDIS_DIR/fit.sock" CONFIG SET appendfsync no
  run "$CONDOLOCK" doctor
  [ "$status" -eq 1 ]
  [[ "$output" == *$'warning  persistence  AOF without fsync'*$'\n                      -> set appendfsync everysec or always\n'* ]]
  redis-cli -s "$REDIS_DIR/fit.sock" REPLICAOF 127.0.0.1 1
  run "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
  [[ "$output" == *$'error    role '*'-> use the URL of the primary: 127.0.0.1:1'* ]]
  run "$CONDOLOCK" doctor --url "unix://$REDIS_DIR/nobody.sock"
  [ "$status" -eq 2 ]
  [ "${#lines[@]}" -eq 5 ]
  [[ "${lines[1]}" == 'error  reachable  cannot connect to '* ]]
}

@test "doctor --json prints the checks as one document" {
  expect_code 1 "$CONDOLOCK" doctor --json >document
  [ "$(jq -c '[.schema, .engine]' document)" = '[1,"redis"]' ]
  [ "$(jq -r .server document)" = "$REDIS_DIR/redis.sock" ]
  [ "$(jq -r '.checks[] | select(.check == "persistence") | .level + " " + .advice' document)" = 'warning set appendonly yes' ]
  [ "$(jq '[.checks[] | select(.level == "ok" and .advice != null)] | length' document)" = 0 ]
  # Every check is documented.
  for check in $(jq -r '.checks[].check | gsub(" "; "_")' document); do
    grep -q "\`${check//_/ }\`" "$SOURCE_DIR/docs/output.md" || { echo "no $check"; return 1; }
  done
}

@test "doctor writes nothing, and names the permissions that a user lacks" {
  redis FLUSHALL >/dev/null
  expect_code 1 "$CONDOLOCK" doctor >/dev/null
  [ "$(redis DBSIZE)" = 0 ]
  redis ACL SETUSER weak on '>pw' '~{condolock}:*' +@all -zadd >/dev/null
  run env CONDOLOCK_USER=weak CONDOLOCK_PASSWORD=pw "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
  [[ "$output" == *'error    permissions  user weak lacks: ZADD'* ]]
  # The advice has the permissions of the README.
  advice=$(sed -n 's/^.*-> ACL SETUSER weak //p' <<<"$output" | tr ' ' '\n' | sort)
  readme=$(sed -n 's/^ *ACL SETUSER condolock on >PASSWORD \(.*\)$/\1/p' "$SOURCE_DIR/README.md" | tr ' ' '\n' | sort)
  [ -n "$advice" ]
  diff <(echo "$advice") <(echo "$readme")
  run env CONDOLOCK_USER=weak CONDOLOCK_PASSWORD=wrong "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
  [[ "$output" == *'-> give the right user and password'* ]]
}

@test "list shows a running key's pause, revocation and slots, no key that never ran, and escaped holders" {
  "$CONDOLOCK" run --key two --slots 2 -- sleep 60 3>&- &
  "$CONDOLOCK" run --key two --slots 2 -- sleep 60 3>&- &
  "$CONDOLOCK" run --key one --lease 60s -- sleep 60 3>&- &
  wait_for held one
  wait_for sh -c '[ "$(redis-cli -s "$REDIS_DIR/redis.sock" HLEN "{condolock}:slots:two")" = 2 ]'
  "$CONDOLOCK" pause one
  "$CONDOLOCK" unlock one
  run -127 "$CONDOLOCK" run --key typo -- /no/such
  run -0 "$CONDOLOCK" list
  [ "${#lines[@]}" -eq 3 ]
  [[ "${lines[1]}" =~ 'running on '.*' for '[0-9ms.]+', revoked, paused'$ ]]
  [[ "${lines[2]}" =~ '2 running, one on '.*' for '[0-9ms.]+$ ]]
  redis HSET '{condolock}:job:one' h_who $'1 \e[31mevil\a' >/dev/null
  run -0 "$CONDOLOCK" list one
  [[ "${lines[1]}" == *'running on \x1b[31mevil\x07 (pid 1) for'* ]]
}

@test "list --plain prints keys that xargs can pass to status" {
  for key in 'a b' -dash "it's"; do "$CONDOLOCK" touch -- "$key"; done
  [ "$("$CONDOLOCK" list --plain | xargs -rd '\n' "$CONDOLOCK" status -- | grep -c '^  runs  *1,')" = 3 ]
}

# age KEY DAYS: makes the record and the runs of its history that many days older.
age() {
  backdate "$1" ended $(($2 * 86400000))
  redis EVAL 'redis.call("ZINCRBY", KEYS[1], -ARGV[1], ARGV[2])
    for i, row in ipairs(redis.call("LRANGE", KEYS[2], 0, -1)) do
      local fence, start, rest = string.match(row, "^(%d+) (%d+) (.*)$")
      redis.call("LSET", KEYS[2], i - 1, fence .. " " .. string.format("%.0f", start - ARGV[1]) .. " " .. rest)
    end' 2 '{condolock}:index' "{condolock}:runs:$1" $(($2 * 86400000)) "$1" >/dev/null
}

@test "list --failed, --running and --paused select keys, and several of them add up" {
  "$CONDOLOCK" touch good
  "$CONDOLOCK" touch bad --failed
  "$CONDOLOCK" touch halted
  "$CONDOLOCK" pause halted
  "$CONDOLOCK" run busy --lease 1h -- sleep 60 3>&- &
  wait_for held busy
  [ "$("$CONDOLOCK" list --plain --failed)" = bad ]
  [ "$("$CONDOLOCK" list --plain --running)" = busy ]
  [ "$("$CONDOLOCK" list --plain --paused)" = halted ]
  [ "$("$CONDOLOCK" list --plain --failed --paused)" = $'bad\nhalted' ]
  [ "$("$CONDOLOCK" list --plain --failed 'x*')" = '' ]
  [ "$("$CONDOLOCK" list --json --running | jq -c '[.keys[].key]')" = '["busy"]' ]
  run -0 "$CONDOLOCK" list --failed
  [ "${#lines[@]}" = 2 ]
  run -0 "$CONDOLOCK" list -v --failed 'x*'
  [[ $output = *'no key matches in the namespace condolock' ]]
  "$CONDOLOCK" pause --all
  [ "$("$CONDOLOCK" list --plain --paused | wc -l)" = 4 ]
  "$CONDOLOCK" unlock --now busy 2>/dev/null
  [ "$("$CONDOLOCK" list --plain --failed)" = $'bad\nbusy' ]
}

@test "history merges the runs of many keys by time, and selects by key, glob, outcome, host and time" {
  "$CONDOLOCK" touch a
  "$CONDOLOCK" touch b --failed
  "$CONDOLOCK" touch ab
  age a 3
  age b 2
  run -0 "$CONDOLOCK" history --json
  [ "$(jq -c '[.runs[].key]' <<<"$output")" = '["ab","b","a"]' ]
  [ "$("$CONDOLOCK" history --json 'a*' | jq -c '[.runs[].key]')" = '["ab","a"]' ]
  [ "$("$CONDOLOCK" history --json --failed | jq -c '[.runs[].key]')" = '["b"]' ]
  [ "$("$CONDOLOCK" history --json --since yesterday | jq -c '[.runs[].key]')" = '["ab"]' ]
  [ "$("$CONDOLOCK" history --json --since 60h | jq -c '[.runs[].key]')" = '["ab","b"]' ]
  [ "$("$CONDOLOCK" history --json --limit 2 | jq -c '[.runs[].key]')" = '["ab","b"]' ]
  [ "$("$CONDOLOCK" history --json --host "$(this_host)" | jq '.runs | length')" = 3 ]
  [ "$("$CONDOLOCK" history --json --host elsewhere | jq '.runs | length')" = 0 ]
  # A name is recorded as its first 48 bytes.
  long=$(printf 'h%.0s' {1..64})
  unshare --user --map-root-user --uts sh -c 'hostname "$1"; exec "$CONDOLOCK" touch long' sh "$long"
  for host in "$long" "${long:0:48}"; do [ "$("$CONDOLOCK" history --json --host "$host" | jq -r '.runs[].key')" = long ]; done
  [ "$("$CONDOLOCK" history --json --host "${long:0:47}" | jq '.runs | length')" = 0 ]
  "$CONDOLOCK" reset --yes long
  [ "$("$CONDOLOCK" history a --json --since 1d | jq -c '[.known, .runs]')" = '[true,[]]' ]
  [ "$("$CONDOLOCK" history --json --key 'a*' | jq .known)" = false ] # with --key it is not a glob
  run -0 "$CONDOLOCK" history -v --since 1h --failed
  [[ $output = *'no run matches' ]]
  run -0 "$CONDOLOCK" history
  [ "${#lines[@]}" = 4 ]
  [[ ${lines[0]} =~ BEGAN\ +KEY\ +TOOK ]]
}

@test "history prints local times, or UTC with --utc" {
  "$CONDOLOCK" touch a
  age a 0
  redis DEL '{condolock}:runs:a' >/dev/null
  redis LPUSH '{condolock}:runs:a' '0 1795680000000 1795680000000 success 0 1 web1' >/dev/null
  run -0 env TZ=CET-1 "$CONDOLOCK" history a
  [[ $output == *' 2026-11-26 09:00:00 CET '* ]]
  run -0 env TZ=CET-1 "$CONDOLOCK" history a --utc
  [[ $output == *' 2026-11-26 08:00:00 UTC '* ]]
  [ "$(TZ=CET-1 "$CONDOLOCK" history a --json --since '2026-11-26 09:00' | jq '.runs | length')" = 1 ]
  [ "$(TZ=CET-1 "$CONDOLOCK" history a --json --since '2026-11-26 09:01' | jq '.runs | length')" = 0 ]
  [ "$(TZ=CET-1 "$CONDOLOCK" history a --json --utc --since '2026-11-26 09:00' | jq '.runs | length')" = 0 ]
}

@test "history refuses an invalid time, and reports a malformed history among others" {
  run "$CONDOLOCK" history --since 2026-13-01
  [ "$status" -eq 64 ]
  [[ ${lines[0]} = "condolock: error: --since: invalid time '2026-13-01': use 2h, 2d, today, yesterday, "* ]]
  "$CONDOLOCK" touch a
  "$CONDOLOCK" touch b
  redis LPUSH '{condolock}:runs:a' gibberish >/dev/null
  run --separate-stderr "$CONDOLOCK" history --json
  [ "$status" -eq 65 ]
  [ "$(jq -c '[.runs[].key]' <<<"$output")" = '["b"]' ]
  [[ $stderr = *'the history of a is malformed'* ]]
}

@test "reset --older-than deletes unused records, and asks or needs --yes" {
  for key in old older import-1 new; do "$CONDOLOCK" touch "$key"; done
  "$CONDOLOCK" pause older
  for key in old older import-1; do age "$key" 10; done
  run "$CONDOLOCK" reset --older-than 5d
  [ "$status" -eq 64 ]
  run -0 --separate-stderr "$CONDOLOCK" reset --older-than 5d --yes -v 'import-*'
  [ "$stderr" = 'condolock: deleted 1 of 1 record unused for 5d (import-1)' ]
  run -0 "$CONDOLOCK" reset --older-than 5d --yes
  [ "$output" = '' ]
  [ "$("$CONDOLOCK" list --plain)" = $'new\nolder' ]
  [ "$(redis EXISTS '{condolock}:job:old')" = 0 ]
  run -0 "$CONDOLOCK" reset --older-than 5d --yes -v
  [[ $output = *'no idle record is unused for 5d' ]]
  run "$CONDOLOCK" reset --older-than 5d --key new
  [ "$status" -eq 64 ]
}

@test "forget-after is refused if it is shorter than a condition's time, or if a condition looks back forever" {
  while IFS='|' read -r options message; do
    run "$CONDOLOCK" run --key K $options -- touch ran
    [ "$status" -eq 64 ]
    [[ ${lines[0]} = "condolock: error: --forget-after $message"* ]] || { echo "$options: $output"; return 1; }
  done <<'END'
--forget-after 1h --min-time 2h --retry-after 1m|1h would forget what --min-time looks at; use 2h or more
--forget-after 1m --max-runs 3/1h|1m would forget what --max-runs looks at; use 1h or more
--forget-after 9d --once x|9d would forget what --once looks at; use only one of them
--forget-after 9d --max-failures 3|9d would forget what --max-failures looks at; use only one of them
END
  [ ! -e ran ]
  "$CONDOLOCK" run --key K --forget-after 2h --min-time 2h --accessed-prior K:9d --force -- touch ran
  [ "$(redis PTTL '{condolock}:job:K')" -gt 7100000 ]
  expect_code 75 "$CONDOLOCK" run --key L --forget-after 1h --accessed-prior M:1h -- true # a skip stores it, too
  [ "$(job L forget_after)" = 3600000 ]
  "$CONDOLOCK" run --key K --forget-after never --min-time 1s --force -- true
  [ "$(job K forget_after)" = '' ]
}

@test "list --prometheus has the namespace's pause, the run in progress, and the failures in a row" {
  "$CONDOLOCK" touch K --failed
  "$CONDOLOCK" touch K --failed
  expect_code 75 "$CONDOLOCK" run K --retry-after 1h -- true
  "$CONDOLOCK" run L --lease 1h -- sleep 60 3>&- &
  wait_for held L
  run -0 "$CONDOLOCK" list --prometheus
  grep -qx 'condolock_failures_in_a_row{namespace="condolock",key="K"} 2' <<<"$output"
  grep -qx 'condolock_skips_total{namespace="condolock",key="K"} 1' <<<"$output"
  grep -qx 'condolock_namespace_paused{namespace="condolock"} 0' <<<"$output"
  began=$(sed -n 's/^condolock_run_start_timestamp_seconds{namespace="condolock",key="L"} //p' <<<"$output")
  [ "${began/./}" = "$(job L h_start)" ]
  scraped=$(sed -n 's/^condolock_scrape_timestamp_seconds{namespace="condolock"} \(.*\)\..*/\1/p' <<<"$output")
  ((scraped >= $(date +%s) - 60 && scraped <= $(date +%s)))
  "$CONDOLOCK" pause --all
  "$CONDOLOCK" list --prometheus | grep -qx 'condolock_namespace_paused{namespace="condolock"} 1'
  "$CONDOLOCK" unlock --now L 2>/dev/null
}

@test "docs/alerts.yml: promtool accepts it, and each alert is raised only when it should be" {
  promtool check rules "$SOURCE_DIR/docs/alerts.yml"
  # Series at the time 102000 s (1700m), and the alerts that they raise.
  cat >test.yml <<END
rule_files: ["$SOURCE_DIR/docs/alerts.yml"]
evaluation_interval: 1m
tests:
END
  expect_alert() { # NAME SERIES LABELS SUMMARY; without the last two no alert is expected
    printf '  - interval: 1m\n    input_series:\n      - series: '"'"'%s'"'"'\n        values: "%s"\n' "${2% *}" "${2##* }x1700" >>test.yml
    printf '    alert_rule_test:\n      - eval_time: 1700m\n        alertname: %s\n' "$1" >>test.yml
    [ $# -lt 4 ] || printf '        exp_alerts:\n          - exp_labels: {%s}\n            exp_annotations: {summary: "%s"}\n' "$3" "$4" >>test.yml
  }
  key='{namespace="ns",key="k"}'
  labels='namespace: ns, key: k'
  expect_alert CondolockJobFails "condolock_failures_in_a_row$key 3" "$labels" 'k failed 3 times in a row (condolock history k)'
  expect_alert CondolockJobFails "condolock_failures_in_a_row$key 2"
  expect_alert CondolockJobIsOverdue "condolock_last_success_timestamp_seconds$key 8399" "$labels" 'k last succeeded 1d 2h 0m 1s ago (condolock status k)'
  expect_alert CondolockJobIsOverdue "condolock_last_success_timestamp_seconds$key 8400"
  expect_alert CondolockRunIsLong "condolock_run_start_timestamp_seconds$key 98399" "$labels" 'k has been running for 1h 0m 1s'
  expect_alert CondolockRunIsLong "condolock_run_start_timestamp_seconds$key 98400"
  expect_alert CondolockRunLost "condolock_lost$key 1" "$labels" 'a lease of k expired before its run was recorded, and nobody has run it since'
  expect_alert CondolockRunLost "condolock_lost$key 0"
  expect_alert CondolockPaused "condolock_paused$key 1" "$labels" 'k of the namespace ns paused for more than 4 hours'
  expect_alert CondolockPaused 'condolock_namespace_paused{namespace="ns"} 1' 'namespace: ns' 'all keys of the namespace ns paused for more than 4 hours'
  expect_alert CondolockPaused "condolock_paused$key 0"
  expect_alert CondolockRecordMalformed "condolock_malformed$key 1" "$labels" 'the record of k is malformed, and its job does not run (condolock status k)'
  expect_alert CondolockRecordMalformed "condolock_malformed$key 0"
  expect_alert CondolockMetricsAreOld 'condolock_scrape_timestamp_seconds{namespace="ns"} 101699' 'namespace: ns' 'the metrics of the namespace ns are 5m 1s old'
  expect_alert CondolockMetricsAreOld 'condolock_scrape_timestamp_seconds{namespace="ns"} 101700'
  promtool test rules test.yml
  # The rules use only metrics that list prints.
  "$CONDOLOCK" touch K
  "$CONDOLOCK" touch K --failed
  "$CONDOLOCK" run L --lease 1h -- sleep 60 3>&- &
  wait_for held L
  "$CONDOLOCK" list --prometheus >metrics
  for metric in $(grep -oE 'condolock_[a-z_]+' "$SOURCE_DIR/docs/alerts.yml" | sort -u); do grep -q "^$metric{" metrics || { echo "no $metric"; return 1; }; done
  "$CONDOLOCK" unlock --now L 2>/dev/null
}
