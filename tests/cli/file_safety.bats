load helper

# file: other users, other programs, files that vanish, and full resources. The database must withstand them all.

setup_file() { :; }
teardown_file() { :; }
setup() {
  clear_environment
  cd "$BATS_TEST_TMPDIR" || return 1
  export CONDOLOCK_URL=file:$PWD/state HOME=$PWD/home
}

as_root() { [ "$(id -u)" -eq 0 ] || { echo 'only root can try this' >&2; return 1; }; }
running() { "$CONDOLOCK" status "$1" | grep -q running; }
sql() { sqlite3 state/condolock.db "$@"; }

# refused TEXT: every command exits with 77 and that text and runs nothing. doctor says it, too, and exits with 2.
refused() {
  local command
  for command in 'run --key K -- touch ran' 'touch K' 'status K'; do
    run --separate-stderr "$CONDOLOCK" $command
    [ "$status" -eq 77 ] || { echo "$command: $status $stderr"; return 1; }
    [[ "$stderr" == *"$1"* ]] || { echo "$command: $stderr"; return 1; }
  done
  [ ! -e ran ]
  run "$CONDOLOCK" doctor
  [ "$status" -eq 2 ] && [[ "$output" == *"$1"* ]] || { echo "doctor: $status $output"; return 1; }
}

@test "a directory that others may write is refused, and nothing is created in it" {
  for mode in 777 1777 775 2770; do
    rm -rf state
    mkdir state
    chmod "$mode" state
    refused "the directory $PWD/state is writable by others: "
    [ -z "$(ls -A state)" ]
  done
  chmod 755 state
  "$CONDOLOCK" touch K
}

@test "a parent that others may write is refused, unless it is sticky" {
  mkdir above
  chmod 777 above
  export CONDOLOCK_URL=file:$PWD/above/state
  refused "the directory $PWD/above is writable by others: run chmod go-w on it"
  [ ! -e above/state ]
  chmod 1777 above
  "$CONDOLOCK" touch K
}

@test "a link in place of the directory or of a file is not followed" {
  mkdir elsewhere
  ln -s elsewhere state
  refused "the directory $PWD/state is a link: use the path of the directory itself"
  [ -z "$(ls -A elsewhere)" ]
  rm state
  for file in condolock.db condolock.db-wal condolock.db-shm condolock.db-journal condolock.lock; do
    for target in "$PWD/target" "$PWD/nowhere"; do
      rm -rf state
      mkdir state
      echo mine >target
      ln -s "$target" "state/$file"
      refused "$PWD/state/$file is a link"
      [ "$(cat target)" = mine ]
      [ ! -e nowhere ]
    done
  done
}

@test "a link of our own among the parents is followed" {
  mkdir real
  ln -s real link
  CONDOLOCK_URL=file:$PWD/link/state "$CONDOLOCK" touch K
  [ -e real/state/condolock.db ]
  chmod 777 real
  export CONDOLOCK_URL=file:$PWD/link/state
  refused "the directory $PWD/real is writable by others"
}

@test "a file is refused if others may write it, if it has a second name, or if it is not a regular file" {
  "$CONDOLOCK" touch K
  for file in condolock.db condolock.db-wal condolock.db-shm condolock.lock; do
    chmod 620 "state/$file"
    refused "$PWD/state/$file is writable by others: run chmod go-w on it"
    chmod 600 "state/$file"
    ln "state/$file" second
    refused "$PWD/state/$file has a second name"
    rm second
  done
  "$CONDOLOCK" status K
  for file in condolock.db condolock.db-wal condolock.db-shm condolock.db-journal condolock.lock; do
    for make in mkdir mkfifo; do
      rm -rf state
      mkdir state
      $make "state/$file"
      refused "$PWD/state/$file is not a regular file"
    done
  done
}

@test "a directory, a parent or a file of another user is refused" {
  as_root
  "$CONDOLOCK" touch K
  chown 65534 state
  refused "the directory $PWD/state belongs to another user (uid 65534)"
  chown 0 state
  for file in condolock.db condolock.db-wal condolock.db-shm condolock.lock; do
    chown 65534 "state/$file"
    refused "$PWD/state/$file belongs to another user (uid 65534)"
    chown 0 "state/$file"
  done
  "$CONDOLOCK" touch K
  mkdir theirs
  CONDOLOCK_URL=file:$PWD/theirs/state "$CONDOLOCK" touch K
  chown 65534 theirs
  export CONDOLOCK_URL=file:$PWD/theirs/state
  refused "the directory $PWD/theirs belongs to another user (uid 65534)"
  chown 0 theirs
  ln -s theirs link
  chown -h 65534 link
  export CONDOLOCK_URL=file:$PWD/link/state
  refused "the directory $PWD/link belongs to another user (uid 65534)"
}

# A trigger that runs until something stops it. It only counts numbers, so it fills no memory.
# shellcheck disable=SC2016
endless='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

@test "a trigger is not run, and doctor names it" {
  "$CONDOLOCK" touch K
  for table in entry item; do
    for event in INSERT UPDATE DELETE; do
      sql "CREATE TRIGGER slow_${table}_$event BEFORE $event ON $table BEGIN $endless; END"
    done
  done
  expect_code 0 timeout -k 1 20 "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
  run "$CONDOLOCK" doctor
  [ "$status" -eq 1 ]
  [[ "$output" == *'triggers of another program, which condolock does not run'* ]]
}

# changed SQL: runs it on a new database. After that no run starts: 65, in time.
changed() {
  rm -rf state
  "$CONDOLOCK" touch K
  sql "$1"
  run --separate-stderr timeout -k 1 20 "$CONDOLOCK" run --key K -- touch ran
  [ "$status" -eq 65 ] && [[ "$stderr" == *"$PWD/state/condolock.db has tables that another program changed"* ]] ||
    { echo "$1: $status $stderr"; return 1; }
  [ ! -e ran ]
  run "$CONDOLOCK" doctor
  [ "$status" -eq 2 ]
}

@test "tables that another program changed are 65, and nothing in them is run" {
  local columns='key BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL, expires INTEGER, fields BLOB NOT NULL'
  changed "ALTER TABLE entry RENAME TO e; CREATE VIEW entry AS SELECT * FROM e WHERE ($endless) > 0"
  changed "DROP TABLE entry; CREATE TABLE entry ($columns, CHECK (length(randomblob(900000000)) > 0))"
  changed "ALTER TABLE entry ADD COLUMN slow AS (length(zeroblob(900000000) || key))"
  changed "CREATE INDEX slow ON entry (length(hex(zeroblob(400000000)) || key))"
  changed 'DROP INDEX member'
  changed 'DROP TABLE item'
}

@test "a damaged database is 65, with advice" {
  for ((i = 0; i < 40; i++)); do "$CONDOLOCK" touch "K$i"; done
  sql 'PRAGMA wal_checkpoint(TRUNCATE)'
  # All pages except the first, which names the tables.
  dd if=/dev/urandom of=state/condolock.db bs=1024 seek=1 count=$(($(stat -c %s state/condolock.db) / 1024 - 1)) conv=notrunc status=none
  run --separate-stderr timeout 20 "$CONDOLOCK" run --key K1 -- touch ran
  [ "$status" -eq 65 ] || { echo "$status $stderr"; return 1; }
  [[ "$stderr" == *"$PWD/state/condolock.db: database disk image is malformed (to start over, move the whole directory away"* ]]
  [ ! -e ran ]
}

@test "a database that another program locks for good is 69 in time, and TERM ends a run that waits for it" {
  "$CONDOLOCK" touch K
  mkfifo hold
  printf 'BEGIN EXCLUSIVE;\n.shell touch locked\n' >begin
  cat begin hold | sqlite3 -bail state/condolock.db 3>&- &
  exec 9>hold
  wait_for test -e locked
  run --separate-stderr timeout 20 "$CONDOLOCK" run --key K --redis-timeout 0.3 -- touch ran
  [ "$status" -eq 69 ]
  [[ "$stderr" == *"$PWD/state/condolock.db: database is locked (fuser -v FILE lists"* ]]
  "$CONDOLOCK" run --key K --redis-timeout 600 -- touch ran 3>&- 9>&- &
  pid=$!
  wait_for sh -c "ls -l /proc/$pid/fd | grep -q condolock.db"
  kill -TERM "$pid"
  expect_code 143 wait "$pid"
  exec 9>&-
  [ ! -e ran ]
}

# hold KEY: a run that lasts until `: >stop`; its process id is HOLDER.
hold() {
  rm -f began stop
  "$CONDOLOCK" run --key "$1" --lease "${2:-60s}" -- sh -c ': >began; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  HOLDER=$!
  wait_for test -e began
}

removed='rm -f state/condolock.db-wal'
moved='mkdir -p away; mv state/condolock.db-wal state/condolock.db-shm away'
emptied='rm -f state/condolock.db-wal state/condolock.db-shm; (umask 077; : >state/condolock.db-wal; : >state/condolock.db-shm)'
copied='for f in -wal -shm; do cp -p state/condolock.db$f c; mv -f c state/condolock.db$f; done'
gone='rm -f state/condolock.db*'
other='rm -f state/condolock.db*; cp -p before/condolock.db* state/'

@test "a file of the database is removed or replaced during a run: no new run starts beside it" {
  "$CONDOLOCK" touch K
  cp -rp state before
  for how in "$removed" 'rm -f state/condolock.db-shm' "$moved" "$emptied" "$copied" "$gone" "$other"; do
    hold K
    eval "$how"
    for command in 'run --key K' 'run --key other'; do
      run --separate-stderr timeout 20 "$CONDOLOCK" $command --redis-timeout 0.2 -- touch ran
      [ "$status" -eq 65 ] || { echo "$how: $command: $status $stderr"; return 1; }
      [[ "$stderr" == *"$PWD/state/condolock.db"*' was removed or replaced while another process uses it: '* ]]
    done
    [ ! -e ran ]
    run "$CONDOLOCK" doctor
    [ "$status" -eq 2 ] && [[ "$output" == *' was removed'*' while another process uses it'* ]] || { echo "$how: doctor $output"; return 1; }
    : >stop
    code=0
    wait "$HOLDER" || code=$?
    [ "$code" -eq 0 ] || { echo "$how: holder $code"; return 1; }
    expect_code 0 "$CONDOLOCK" run --key other -- true # everything works again
  done
}

@test "a file of the database is removed during a run: the holder renews where new runs look" {
  for how in "$removed" "$moved" "$emptied" "$gone"; do
    rm -rf state away
    hold K 6s
    eval "$how"
    wait_for running K
    expect_code 75 "$CONDOLOCK" run --key K -- touch ran
    : >stop
    expect_code 0 wait "$HOLDER"
    [ ! -e ran ]
    [ "$("$CONDOLOCK" history K --json | jq -c '[.runs[].outcome]')" = '["success"]' ]
  done
}

@test "a file of the database is removed during two runs: each stays the only one of its key" {
  hold K 6s
  first=$HOLDER
  mv began first
  "$CONDOLOCK" run --key L --lease 6s -- sh -c ': >began; while [ ! -e stop ]; do sleep 0.01; done' 3>&- &
  second=$!
  wait_for test -e began
  eval "$moved"
  # Each holder notices at its next renewal. From then on new runs are refused as usual, unless a holder has ended.
  both_at() { running K && running L; }
  wait_for both_at
  expect_code 75 "$CONDOLOCK" run --key K -- touch ran
  expect_code 75 "$CONDOLOCK" run --key L -- touch ran
  : >stop
  expect_code 0 wait "$first"
  expect_code 0 wait "$second"
  [ ! -e ran ]
}

@test "no free descriptor is 69, with the system's reason" {
  "$CONDOLOCK" touch K
  local seen=0
  for ((n = 4; n < 16; n++)); do
    code=0
    (ulimit -n "$n"; exec "$CONDOLOCK" touch K) 2>said 3>&- || code=$?
    [ "$code" -ne 0 ] || break
    [ "$code" -eq 69 ] || [ "$code" -eq 70 ] || { echo "$n: $code"; cat said; return 1; }
    if [ "$code" -eq 69 ]; then
      seen=$((seen + 1))
      grep -q ': Too many open files$' said || { cat said; return 1; }
    fi
  done
  [ "$seen" -ge 3 ]
}

@test "a file or directory without permission is 77, with the system's reason" {
  as_root
  local open
  open=$(mktemp -d) # every user must be able to reach the program, too
  chmod 755 "$open"
  cp "$CONDOLOCK" "$open/condolock"
  mkdir "$open/state"
  chown 65534 "$open/state"
  tell() { run --separate-stderr setpriv --reuid=65534 --clear-groups "$open/condolock" touch K --url "file:$open/state"; }
  tell
  local first=$status
  local bad=
  for file in condolock.db condolock.db-wal condolock.db-shm condolock.lock; do
    chmod 0 "$open/state/$file"
    tell
    [ "$status" -eq 77 ] && [[ "$stderr" == *"$open/state/"*': Permission denied'* ]] || bad+="$file: $status $stderr; "
    chmod 600 "$open/state/$file"
    chmod 400 "$open/state/$file"
    tell
    [ "$status" -eq 77 ] && [[ "$stderr" == *"$open/state/"*': Permission denied'* ]] || bad+="$file: $status $stderr; "
    chmod 600 "$open/state/$file"
  done
  rm -rf "$open"
  [ "$first" -eq 0 ]
  [ -z "$bad" ] || { echo "$bad"; return 1; }
}

@test "a full disk is 69 before the command and 74 after it, with the system's reason" {
  "$CONDOLOCK" touch K
  run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 8; exec "$CONDOLOCK" run --key L -- touch ran'
  [ "$status" -eq 69 ]
  [[ "$stderr" == *': File too large'* ]]
  [ ! -e ran ]
  # The command itself fills the disk, or its substitute.
  run --separate-stderr bash -c 'trap "" XFSZ; exec "$CONDOLOCK" run --key L --record-timeout 0.5 -- sh -c "
    prlimit --fsize=1024 --pid \$PPID; prlimit --fsize=1024 --pid \$(ps -o ppid= -p \$PPID)"'
  [ "$status" -eq 74 ] || { echo "$status $stderr"; return 1; }
  [[ "$stderr" == *': File too large'* ]]
}

# rounds_of_ten: prints how many holders ended while ten waiters were served one after the other. The minimum is ten.
rounds_of_ten() {
  newcomers() { while [ ! -e stop ]; do "$CONDOLOCK" run -q --key K -- sh -c ': >began; sleep 0.05; echo x >>rounds' || :; done; }
  rm -f stop began
  : >rounds
  newcomers 3>&- &
  local loop=$!
  wait_for test -e began
  sum=0
  for i in {1..10}; do
    before=$(wc -l <rounds)
    "$CONDOLOCK" run --key K --wait 30 -- sh -c 'wc -l <rounds >ran'
    sum=$((sum + $(cat ran) - before))
  done
  : >stop
  wait "$loop"
}

@test "a waiter runs next, although new runs keep coming" {
  # On a busy machine, a new run sometimes comes first. Without precedence it would every second time.
  for try in 1 2 3 4; do
    rounds_of_ten
    echo "$sum"
    [ "$sum" -gt 13 ] || return 0
  done
  return 1
}
