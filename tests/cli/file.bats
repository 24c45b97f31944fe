load helper

# file: the engine for one machine without a server. No Redis runs here.

setup_file() { :; }
teardown_file() { :; }
setup() {
  clear_environment
  cd "$BATS_TEST_TMPDIR" || return 1
  export CONDOLOCK_URL=file:$PWD/state HOME=$PWD/home
  mkdir home
}

as_nobody() { if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=65534 --clear-groups "$@"; else "$@"; fi; }
json() { "$CONDOLOCK" status --json "$1" | jq -c "$2"; }
running() { "$CONDOLOCK" status "$1" | grep -q running; }
# skips KEY NUMBER: skips since the last run. A waiter is counted once, when it begins to wait.
skips() { [ "$(json "$1" '.keys[0].skips_since_last_run')" = "$2" ]; }

@test "file: run, record and skip work, and so does every other command" {
  run --separate-stderr "$CONDOLOCK" run -v --key K --min-time 300 -- sh -c 'echo "$CONDOLOCK_KEY $CONDOLOCK_FENCE"'
  [ "$status" -eq 0 ]
  [[ "$output" =~ ^'K '[0-9]{13}$ ]]
  run --separate-stderr "$CONDOLOCK" run -v --key K --min-time 300 -- touch ran
  [ "$status" -eq 75 ]
  [[ "$stderr" == 'condolock: skipped K: last success '*' ago, needs 5m (due in '* ]]
  [ ! -e ran ]
  "$CONDOLOCK" check K
  run "$CONDOLOCK" check K --min-time 1d
  [ "$status" -eq 75 ]
  "$CONDOLOCK" touch other
  [ "$("$CONDOLOCK" list --plain)" = $'K\nother' ]
  "$CONDOLOCK" list --prometheus | grep -qx 'condolock_skips{namespace="condolock",key="K"} 1'
  [ "$("$CONDOLOCK" history K --json | jq -c '[.runs[].outcome]')" = '["success"]' ]
  "$CONDOLOCK" pause K --reason why
  run "$CONDOLOCK" run --key K -- true
  [ "$status" -eq 75 ]
  "$CONDOLOCK" run --force --key K -- true
  "$CONDOLOCK" resume K
  "$CONDOLOCK" reset K --yes
  run "$CONDOLOCK" status K
  [ "$status" -eq 1 ]
  "$CONDOLOCK" doctor
  [ "$("$CONDOLOCK" doctor --json | jq -r .engine)" = file ]
}

@test "file: every condition works" {
  holds() { "$CONDOLOCK" check K "$@" >/dev/null; }
  fails() { expect_code 75 holds "$@"; }
  "$CONDOLOCK" run --key K --max-runs 5/1h --once done -- true
  "$CONDOLOCK" run --key good -- true
  expect_code 1 "$CONDOLOCK" run --key bad -- false
  "$CONDOLOCK" run --key live -- sleep 60 3>&- &
  wait_for running live
  fails --min-time 1h
  fails --min-time 1h --min-time-from start
  holds --min-time 1ms
  holds --accessed-prior good:1h
  fails --accessed-prior bad:1h
  fails --accessed-prior none:1h
  holds --after good
  fails --after bad
  fails --not-running live
  holds --not-running good
  holds --retry-after 1h
  expect_code 75 "$CONDOLOCK" check bad --retry-after 1h
  expect_code 75 "$CONDOLOCK" check bad --max-failures 1
  holds --max-failures 1
  fails --max-runs 1/1h
  holds --max-runs 2/1h
  fails --once done
  holds --once other
}

@test "file: unlock makes the holder stop its command; unlock --now frees the key" {
  "$CONDOLOCK" run --key K --lease 1s -- sleep 60 3>&- &
  wait_for running K
  "$CONDOLOCK" unlock K
  code=0
  wait $! || code=$?
  [ "$code" -eq 79 ]
  "$CONDOLOCK" run --key K --lease 60s -- sleep 60 3>&- &
  wait_for running K
  "$CONDOLOCK" unlock --now -q K
  "$CONDOLOCK" run --key K -- true
}

@test "file: a lease is renewed, and the lease of a killed holder expires" {
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 4s -- cat hold 3>&- &
  wait_for running K
  lease_end() { json K '.keys[0].holders[0].lease_end.ms'; }
  first=$(lease_end)
  renewed_twice() { (($(lease_end) > first + 4800)); }
  wait_for renewed_twice # longer than its lease
  expect_code 75 "$CONDOLOCK" run --key K -- true
  : >hold
  wait $!
  [ "$(json K '.keys[0].last_run.outcome')" = '"success"' ]
  "$CONDOLOCK" run --key L --lease 10s -- sleep 60 3>&- &
  wait_for running L
  put_down $!
  expect_code 75 "$CONDOLOCK" run --key L -- true
  "$CONDOLOCK" run --key L --wait 60 -- true
  [ "$("$CONDOLOCK" history L --json | jq -c '[.runs[].outcome]')" = '["success","lost"]' ]
}

@test "file: of twenty at once one runs; with three slots never more than three run" {
  mkfifo hold
  for ((i = 0; i < 20; i++)); do
    (code=0; "$CONDOLOCK" run --key K --min-time 1h --redis-timeout 60 -- sh -c 'echo x >>ran; cat hold' || code=$?; echo "$code" >>codes) 3>&- &
  done
  ended() { [ "$(wc -l <codes)" -eq "$1" ]; }
  wait_for ended 19 # the run in progress lasts until all others are refused
  : >hold
  wait
  [ "$(wc -l <ran)" -eq 1 ]
  [ "$(sort codes | uniq -c | xargs)" = '1 0 19 75' ]
  for ((i = 0; i < 12; i++)); do
    "$CONDOLOCK" run --key S --slots 3 --wait 30 -- sh -c 'echo + >>log; sleep 0.05; echo - >>log' 3>&- &
  done
  wait
  [ "$(grep -c + log)" -eq 12 ]
  [ "$(awk '{ n += $1 == "+" ? 1 : -1; if (n > most) most = n } END { print most }' log)" -le 3 ]
}

@test "file: a waiter wakes within 20 ms" {
  mkfifo hold
  for i in {1..9}; do
    rm -f ended began
    asked=$(date +%s%N)
    "$CONDOLOCK" run --key alone -- sh -c 'date +%s%N >alone'
    "$CONDOLOCK" run --key K -- sh -c 'read -r _ <hold; date +%s%N >ended' 3>&- &
    holder=$!
    wait_for running K
    "$CONDOLOCK" run --key K --wait 30 -- sh -c 'date +%s%N >began' 3>&- &
    waiter=$!
    wait_for skips K 1
    echo >hold
    wait "$holder"
    wait "$waiter"
    # The gap includes the end of one process and the start of another, so subtract the time of a whole run at this moment.
    echo $((($(cat began) - $(cat ended) - ($(cat alone) - asked)) / 1000)) >>gaps
  done
  [ "$(sort -n gaps | sed -n 5p)" -lt 20000 ] || { cat gaps; return 1; }
}

@test "file: a process is killed at any moment: the file can be opened, and no acknowledged write is lost" {
  acknowledged=0
  killed=0
  max=6000 # microseconds; adapts to the machine, so that some are killed and some are not
  for ((i = 0; i < 60; i++)); do
    code=0
    kill_within "${max}e-6" "$CONDOLOCK" touch K 3>&- || code=$?
    case $code in
      0) acknowledged=$((acknowledged + 1)) max=$((max * 4 / 5)) ;;
      9) killed=$((killed + 1)) max=$((max * 5 / 4)) ;;
      *) return 1 ;;
    esac
    [ "$(json K '.keys[0].runs')" -ge "$acknowledged" ]
  done
  echo "$acknowledged acknowledged, $killed killed"
  [ "$acknowledged" -gt 0 ]
  [ "$killed" -gt 0 ]
  echo 'PRAGMA integrity_check;' | sqlite3 state/condolock.db | grep -qx ok
}

@test "file: many processes can create the missing directory at once" {
  for ((round = 0; round < 20; round++)); do
    rm -rf state
    for ((i = 0; i < 12; i++)); do "$CONDOLOCK" pause -q --redis-timeout 60 "K$i" 2>>said 3>&- & done
    wait
    [ "$("$CONDOLOCK" list --plain | wc -l)" -eq 12 ]
  done
  cat said
  [ ! -s said ]
}

@test "file: the log stays short through many runs and many refusals in a row" {
  for ((i = 0; i < 40; i++)); do "$CONDOLOCK" run --key K -- true; done
  size=$(stat -c %s state/condolock.db-wal)
  echo "$size"
  [ "$size" -lt 100000 ] # 64 pages and those of a run are 74,000 bytes; it once grew by 10,000 with every run
  for ((i = 0; i < 120; i++)); do expect_code 75 "$CONDOLOCK" run --key K --min-time 1d -- true; done
  size=$(stat -c %s state/condolock.db-wal)
  echo "$size"
  [ "$size" -lt 100000 ]
}

@test "file: the directory is created, with access for its owner only" {
  (umask 0; "$CONDOLOCK" touch K)
  [ "$(stat -c %a state)" = 700 ]
  CONDOLOCK_URL=file: "$CONDOLOCK" touch K
  [ "$(stat -c %a home/.local/state/condolock)" = 700 ]
  XDG_STATE_HOME=$PWD/xdg CONDOLOCK_URL=file: "$CONDOLOCK" touch K
  [ -e xdg/condolock/condolock.db ]
  XDG_STATE_HOME=relative CONDOLOCK_URL=file: "$CONDOLOCK" touch L
  CONDOLOCK_URL=file://$PWD/slashes/ "$CONDOLOCK" touch K
  [ -e slashes/condolock.db ]
  echo "url = \"file:$PWD/filed\"" >config
  env -u CONDOLOCK_URL "$CONDOLOCK" --config config touch K
  [ -e filed/condolock.db ]
}

@test "file: an invalid URL is 64, or 78 from the environment" {
  for url in file:relative file:./x 'file:/x?sync=' 'file:/x?sync=some' 'file:/x?db=1' file://host/x; do
    run --separate-stderr "$CONDOLOCK" touch K --url "$url"
    [ "$status" -eq 64 ]
    [[ "$stderr" == 'condolock: error: --url: the URL '*'; use file:, file:/DIRECTORY or file:/DIRECTORY?sync=none|records|all'* ]]
    run env CONDOLOCK_URL="$url" "$CONDOLOCK" touch K
    [ "$status" -eq 78 ]
  done
  run --separate-stderr env -u HOME "$CONDOLOCK" touch K --url file:
  [ "$status" -eq 64 ]
  [[ "$stderr" == *'needs a directory, since neither XDG_STATE_HOME nor HOME is set'* ]]
}

@test "file: each level of ?sync= works, and doctor says what it means" {
  for case in none:1 records:0 all:0; do
    sync=${case%:*}
    export CONDOLOCK_URL="file:$PWD/$sync?sync=$sync"
    "$CONDOLOCK" run --key K -- true
    expect_code "${case#*:}" "$CONDOLOCK" doctor >said
    grep -q 'no record is lost when a process is killed' said
  done
}

@test "file: a directory that cannot be created or written is 77, with the reason" {
  run --separate-stderr "$CONDOLOCK" run --url file:/proc/nowhere --key K -- touch ran
  [ "$status" -eq 77 ]
  [[ "$stderr" == *'cannot create the directory /proc/nowhere: '* ]]
  open=$(mktemp -d) # the other user must be able to reach the program, too
  mkdir "$open/mine"
  cp "$CONDOLOCK" "$open/condolock"
  chmod -R 555 "$open"
  run --separate-stderr as_nobody "$open/condolock" run --url "file:$open/mine" --key K -- touch ran
  [ "$status" -eq 77 ] && [[ "$stderr" == *"$open/mine/condolock.lock: Permission denied"* ]] || { echo "$status $stderr"; rm -rf "$open"; return 1; }
  run as_nobody "$open/condolock" doctor --url "file:$open/mine"
  chmod -R 755 "$open"
  rm -rf "$open"
  [ "$status" -eq 2 ]
  [ ! -e ran ]
  : >plain
  run --separate-stderr "$CONDOLOCK" touch K --url "file:$PWD/plain"
  [ "$status" -eq 77 ]
  [[ "$stderr" == *"$PWD/plain is not a directory"* ]]
}

@test "file: a file of another program or of a newer version is 65, and is not changed" {
  mkdir state
  echo 'this is no database, but somebody needs it' >state/condolock.db
  cp state/condolock.db before
  for command in 'run --key K -- touch ran' 'status K' 'list' 'touch K'; do
    run --separate-stderr "$CONDOLOCK" $command
    [ "$status" -eq 65 ] || { echo "$command: $status"; return 1; }
    [[ "$stderr" == *"$PWD/state/condolock.db: file is not a database"* ]]
  done
  run "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
  cmp before state/condolock.db
  [ ! -e ran ]
  rm -r state
  "$CONDOLOCK" touch K
  sqlite3 state/condolock.db 'PRAGMA user_version = 9'
  run --separate-stderr "$CONDOLOCK" touch K
  [ "$status" -eq 65 ]
  [[ "$stderr" == *'has version 9: upgrade condolock on this host'* ]]
  sqlite3 state/condolock.db 'PRAGMA user_version = 1'
  run --separate-stderr "$CONDOLOCK" touch K
  [ "$status" -eq 65 ]
  [[ "$stderr" == *'has version 1: no release of condolock wrote it; move it away'* ]]
}

# sql TEXT: runs it on the database; a key is a blob there.
sql() { sqlite3 state/condolock.db "$1"; }
job="key = CAST('{condolock}:job:K' AS BLOB)"

@test "file: a malformed record is 65, stays unchanged, and does not hide other records" {
  "$CONDOLOCK" touch K
  "$CONDOLOCK" touch other
  for text in 7 x 1: 5:v1:1 1:v2:1 1:v1:11:x 01:v1:1 1:v1:11:v1:1 1:w1:11:v1:1; do
    sql "UPDATE entry SET fields = CAST('$text' AS BLOB) WHERE $job"
    for command in 'run --key K -- touch ran' 'touch K' 'pause K' 'status K'; do
      run --separate-stderr "$CONDOLOCK" $command
      [ "$status" -eq 65 ] || { echo "$text, $command: $status"; return 1; }
      [[ "$stderr" == *'the record {condolock}:job:K is malformed: '* ]]
    done
    [ "$(sql "SELECT fields FROM entry WHERE $job")" = "$text" ]
    run --separate-stderr "$CONDOLOCK" list
    [ "$status" -eq 65 ]
    [[ "$output" == *other* ]]
  done
  sql "UPDATE entry SET fields = '', kind = 7 WHERE $job"
  run "$CONDOLOCK" touch K
  [ "$status" -eq 65 ]
  "$CONDOLOCK" touch other
  [ ! -e ran ]
}

@test "file: a malformed history is 65" {
  "$CONDOLOCK" touch K
  sql "UPDATE item SET value = NULL WHERE key = CAST('{condolock}:runs:K' AS BLOB)"
  run --separate-stderr "$CONDOLOCK" history K
  [ "$status" -eq 65 ]
  [[ "$stderr" == *'the record {condolock}:runs:K is malformed: holds another type of value (condolock reset K --yes removes it)'* ]]
}

@test "file: the database of another program is 65, and no command changes it, doctor included" {
  mkdir state
  sqlite3 state/condolock.db 'CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)'
  sum=$(sha1sum state/condolock.db)
  run --separate-stderr "$CONDOLOCK" touch K
  [ "$status" -eq 65 ]
  [[ "$stderr" == *"$PWD/state/condolock.db is the database of another program: use another directory"* ]]
  run "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
  [ "$(sha1sum state/condolock.db)" = "$sum" ]
}

@test "file: no other user can read the contents, whatever the directory's mode and the umask" {
  mkdir -m 755 state
  (umask 0; "$CONDOLOCK" run --key K -- true)
  [ "$(stat -c %a state/condolock.db)" = 600 ]
  for file in state/condolock.db-*; do [ "$(stat -c %a "$file")" = 600 ]; done
  (umask 027; [ "$("$CONDOLOCK" run --key K -- sh -c umask)" = 0027 ])
  rm state/condolock.db*
  (umask 0777; "$CONDOLOCK" run --key K -- true)
  [ "$(stat -c %a state/condolock.db)" = 600 ]
}

@test "file: the directory is removed during a run: the lease is acquired again where new runs look" {
  "$CONDOLOCK" run --key K --lease 6s -- sh -c ': >began; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  wait_for test -e began
  rm -r state
  wait_for running K
  run "$CONDOLOCK" run --key K -- true
  [ "$status" -eq 75 ]
  : >stop
  wait $!
  [ "$(json K '.keys[0].last_run.outcome')" = '"success"' ]
}

@test "file: a waiter that is killed while it wakes consumes no wake-up" {
  mkfifo hold
  for round in 1 2 3; do
    "$CONDOLOCK" run --key K -- cat hold 3>&- &
    holder=$!
    wait_for running K
    waiters=()
    for ((i = 0; i < 6; i++)); do
      "$CONDOLOCK" run --key K --wait 60 -- true 3>&- &
      waiters+=($!)
    done
    wait_for skips K 6 # all of them wait
    : >hold
    wait "$holder"
    kill -TERM "${waiters[@]:0:3}" 2>/dev/null || true
    began=$SECONDS
    for i in 3 4 5; do wait "${waiters[i]}"; done
    [ $((SECONDS - began)) -lt 25 ] # a lost wake-up costs 30 s
  done
}

@test "file: the disk is full: no run starts, and no record is lost" {
  "$CONDOLOCK" touch K
  run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 8; exec "$CONDOLOCK" run --key L -- touch ran'
  [ "$status" -eq 69 ]
  [[ "$stderr" == *"$PWD/state/condolock.db: "* ]]
  [ ! -e ran ]
  [ "$(json K '.keys[0].runs')" = 1 ]
  "$CONDOLOCK" run --key L -- true
}

@test "file: the file is locked by another process: condolock waits, then exits with 69" {
  "$CONDOLOCK" touch K
  mkfifo hold
  printf 'BEGIN IMMEDIATE;\n.shell touch locked\n' >begin
  cat begin hold | sqlite3 -bail state/condolock.db 3>&- &
  exec 9>hold
  wait_for test -e locked
  run --separate-stderr "$CONDOLOCK" touch K --redis-timeout 0.3
  [ "$status" -eq 69 ]
  [[ "$stderr" == *'database is locked'* ]]
  "$CONDOLOCK" touch K 3>&- 9>&- &
  wait_for sh -c "ls -l /proc/$!/fd | grep -q condolock.db"
  exec 9>&-
  wait $!
  [ "$(json K '.keys[0].runs')" = 2 ]
}
