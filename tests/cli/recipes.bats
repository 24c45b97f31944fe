load helper

# docs/recipes.md: each text is taken from the page and run unchanged, except for paths and hosts.

page() { echo "$SOURCE_DIR/docs/recipes.md"; }

setup() {
  start_case
  mkdir bin srv work
  ln -s "$CONDOLOCK" bin/condolock
  ln -s /bin/true bin/make
  export PATH="$BATS_TEST_TMPDIR/bin:$PATH"
}

# block KIND NAME: prints the indented block after the comment of that name, without the indentation and empty lines.
block() {
  awk -v mark="<!-- $1: $2 -->" '$0 == mark { on = 1; next } on && /^[^ ]/ { exit } on' "$(page)" |
    sed -e 's/^    //' -e "s|/usr/local/bin|$BATS_TEST_TMPDIR/bin|g" -e "s|/srv|$BATS_TEST_TMPDIR/srv|g" -e "s|/var/log|$BATS_TEST_TMPDIR|g" | grep .
}
recipe() { block recipe "$1"; }

# script NAME FILE: writes the recipe to FILE as a program.
script() {
  recipe "$1" >"$2"
  chmod +x "$2"
}

# put NAME: writes the standard input to srv/bin/NAME as a shell script.
put() {
  mkdir -p srv/bin
  { echo '#!/bin/sh' && cat; } >"srv/bin/$1"
  chmod +x "srv/bin/$1"
}

# cron NAME: does what cron does with that crontab at a tick: sets the variables and runs the last line's command. cron would
# mail its output.
cron() {
  local settings=() command
  recipe "$1" >crontab
  mapfile -t settings < <(grep -E '^[A-Z]+=' crontab)
  command=$(sed -nE '$s/^([0-9*\/]+ +){5}//p' crontab)
  [ -n "$command" ] || return 99
  env -i HOME="$PWD" LOGNAME=root CONDOLOCK_URL="$CONDOLOCK_URL" "${settings[@]}" sh -c "$command" 2>&1
}

# Removes times, durations and numbers, so that the page and a real output can be compared.
normal() {
  sed -E -e 's/[0-9]{4}-[0-9-]+T[0-9:+-]+/TIME/g' -e 's/fence [0-9]+/fence N/' -e 's/\b([0-9.]+(ms|s|m|h|d))+\b/D/g' -e 's/root@[^ ]+/root@HOST/' -e 's/ +/ /g'
}
shows() { diff <(block output "$1" | normal) <(normal); }

@test "every block of the page has a name, and every name is tested here" {
  blocks=$(awk '/^    / && !on { n++; on = 1; if (mark !~ /^<!-- (recipe|output): /) print "no name: " $0 >"/dev/stderr" } /^[^ ]/ { mark = $0; on = 0 } END { print n }' "$(page)")
  marks=$(grep -c '^<!-- ' "$(page)")
  [ "$blocks" -eq "$marks" ]
  [ "$marks" -ge 20 ]
  while read -r kind name; do
    grep -qE "(recipe|cron|script|shows|unit|yaml) $name([^-.a-z]|$)" "$BATS_TEST_FILENAME" || { echo "$kind $name is not tried"; return 1; }
  done < <(sed -nE 's/^<!-- (recipe|output): (.*) -->$/\1 \2/p' "$(page)")
  # The headings that links of the page and of README point to.
  while read -r anchor; do
    grep -E '^## ' "$(page)" | sed 's/^## //' | tr 'A-Z ' 'a-z-' | tr -d , | grep -qx -- "$anchor" || { echo "no section $anchor"; return 1; }
  done < <(sed -nE 's/.*\((docs.recipes.md)?#(.*)\).*/\2/p' "$(page)" <(grep recipes.md# "$SOURCE_DIR/README.md" | sed 's/), /)\n/'))
}

@test "crontab: one machine runs the job, the others are silent, and the next tick runs it again" {
  put sync <<<'echo ran >>ran; until [ -e go ]; do sleep 0.01; done'
  cron crontab >first 3>&- &
  wait_for held sync
  wait_for test -e ran
  run cron crontab
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  : >go
  wait $!
  [ ! -s first ]
  run cron crontab
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  [ "$(wc -l <ran)" -eq 1 ]
  [[ "$("$CONDOLOCK" status sync)" == *'because: last success began '*' ago, needs 4m'* ]]
  backdate sync ok_start 300000
  run -0 cron crontab
  [ "$(wc -l <ran)" -eq 2 ]
}

@test "crontab: a failed run is repeated at the next tick, not at the same one" {
  put sync <<<'echo ran >>ran; exit 3'
  run cron crontab
  [ "$status" -eq 3 ]
  run cron crontab
  [ "$status" -eq 75 ]
  backdate sync ended 240000
  run cron crontab
  [ "$status" -eq 3 ]
  [ "$(wc -l <ran)" -eq 2 ]
}

@test "crontab with a log file: a skip is a success, and the log has its reason" {
  put sync </dev/null
  run -0 cron crontab-log
  [ "$output" = '' ]
  run -0 cron crontab-log
  [ "$output" = '' ]
  shows crontab-log <sync.log
}

@test "mail only for failures: chronic hides a success, shows a failure, and a skip prints nothing" {
  grep -qx 'MAILTO=ops@example.org' < <(recipe chronic)
  put backup <<<'echo noise; echo more >&2; if [ -e broken ]; then exit 4; fi'
  run -0 cron chronic
  [ "$output" = '' ]
  run cron chronic
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  "$CONDOLOCK" reset --yes backup
  : >broken
  run cron chronic
  [ "$status" -eq 4 ]
  [ "$output" = $'noise\nmore' ]
  run cron chronic
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
}

@test "chronic: a stopped run loses its output; an unreachable Redis is printed unless --on-unreachable skip is given" {
  put backup <<<'echo noise; echo started >>ran; sleep 60'
  run env CONDOLOCK_TIMEOUT=5s "$CONDOLOCK" run --key backup -- chronic srv/bin/backup
  [ "$status" -eq 124 ]
  [ -s ran ]
  [[ "$output" != *noise* ]]
  export CONDOLOCK_URL=unix:///nowhere CONDOLOCK_REDIS_TIMEOUT=1s
  run cron chronic
  [ "$status" -eq 69 ]
  [[ "$output" == *'cannot connect to /nowhere'* ]]
  run "$CONDOLOCK" run --key backup --on-unreachable skip -- srv/bin/backup
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
}

# unit NAME: writes the unit to units/. systemd must have no complaint.
unit() {
  mkdir -p units
  recipe "$1" >"units/$1"
  run systemd-analyze verify --man=no "$PWD/units/$1"
  [[ "$status" -eq 0 && "$output" = '' ]] || { echo "$1: $output"; return 1; }
}
setting() { sed -n "s/^$2=//p" "units/$1"; }

# start NAME: starts the service's main process as systemd does, without a shell. Its process ID is in $!.
start() {
  local words
  read -ra words <<<"$(setting "$1" ExecStart)"
  perl -e "$reset" "${words[@]}" 3>&- &
}

# is_clean NAME CODE: whether systemd counts that exit code as a success of the service.
is_clean() { [ "$2" -eq 0 ] || grep -qw "$2" <<<"$(setting "$1" SuccessExitStatus)"; }

@test "systemd timer: the units are valid; a skip is a success of the service, and a failure is a failure" {
  put backup <<<'if [ -e broken ]; then exit 4; fi'
  unit backup.service
  unit backup.timer
  systemd-analyze calendar "$(setting backup.timer OnCalendar)"
  start backup.service && wait $!
  start backup.service
  code=0 && wait $! || code=$?
  [ "$code" -eq 75 ]
  is_clean backup.service "$code"
  "$CONDOLOCK" reset --yes backup
  : >broken
  start backup.service
  code=0 && wait $! || code=$?
  [ "$code" -eq 4 ]
  expect_code 1 is_clean backup.service "$code"
}

@test "systemd timer: systemd agrees with what the page says of Restart=" {
  put backup </dev/null
  unit backup.service
  for word in always on-success; do
    sed "s/^Type=oneshot/&\nRestart=$word/" units/backup.service >units/other.service
    run systemd-analyze verify --man=no "$PWD/units/other.service"
    [ "$status" -ne 0 ]
    [[ "$output" == *"isn't allowed for Type=oneshot"* ]]
  done
  sed "s/^Type=oneshot/&\nRestart=on-failure\nRestartPreventExitStatus=74/" units/backup.service >units/other.service
  run -0 systemd-analyze verify --man=no "$PWD/units/other.service"
  [ "$output" = '' ]
}

@test "systemd, KillMode=mixed: TERM for condolock alone ends the whole run, which is recorded and releases its lease" {
  put backup <<<'trap "echo TERM >>got; exit 1" TERM; sleep 60 & echo $! >pid; wait'
  unit backup.service
  [ "$(setting backup.service KillMode)" = mixed ]
  start backup.service
  wait_for test -s pid
  kill -TERM $!
  code=0 && wait $! || code=$?
  [ "$(cat got)" = TERM ]
  [ "$code" -eq 1 ]
  wait_for gone "$(cat pid)"
  [ "$(job backup outcome)" = failed ]
  expect_code 1 held backup
}

@test "systemd: a stopped condolock exits with 143, also while it waits, and the standby service counts that as a success" {
  put mailer <<<': >started; exec sleep 60'
  unit mailer.service
  [ "$(setting mailer.service KillMode)" = mixed ]
  start mailer.service
  first=$!
  wait_for test -e started
  start mailer.service
  second=$!
  wait_for blocked 1
  kill -TERM "$second"
  code=0 && wait "$second" || code=$?
  [ "$code" -eq 143 ]
  is_clean mailer.service "$code"
  held mailer
  kill -TERM "$first"
  code=0 && wait "$first" || code=$?
  [ "$code" -eq 143 ]
}

@test "systemd: a standby machine starts the service when the holder is stopped" {
  put mailer <<<'echo $$ >>started; exec sleep 60'
  unit mailer.service
  start mailer.service
  first=$!
  wait_for test -s started
  start mailer.service
  second=$!
  wait_for blocked 1
  kill -TERM "$first"
  two_started() { [ "$(wc -l <started)" -eq 2 ]; }
  wait_for two_started
  gone "$(head -1 started)"
  kill -TERM "$second"
}

@test "case: the script tells ran, skipped and failed apart, with the exit code of a failure" {
  script case report
  run -0 ./report
  [ "$output" = 'the report was made' ]
  run -0 ./report
  [ "$output" = 'the report was skipped' ]
  "$CONDOLOCK" reset --yes report
  printf '#!/bin/sh\nexit 6\n' >fails
  chmod +x fails
  ln -sf "$PWD/fails" bin/make
  run ./report
  [ "$status" -eq 6 ]
  [ "$output" = 'the report failed with 6' ]
}

@test "or: the script goes on after a skip, and ends after a failure" {
  script or report
  run -0 ./report
  [[ "$output" == 'the report is '* ]]
  run -0 ./report
  [[ "$output" == 'the report is '* ]]
  "$CONDOLOCK" reset --yes report
  ln -sf /bin/false bin/make
  run ./report
  [ "$status" -eq 1 ]
  [ "$output" = '' ]
}

@test "reexec: a script runs under its own lease once at a time, with its arguments and exit code" {
  script reexec backup
  run -0 ./backup a 'b  c'
  [ "$output" = 'backing up a b  c' ]
  [ "$(job backup runs)" -eq 1 ]
  cat >>backup <<<'[ $# -gt 0 ] || exec sleep 60; exit "$1"'
  run ./backup 7
  [ "$status" -eq 7 ]
  ./backup 3>&- &
  wait_for held backup
  run ./backup 7
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  # A process of the run that calls the script runs it under the same lease. The lease of another key does not count.
  kill $!
  wait $! || true
  run -0 "$CONDOLOCK" run --key backup -- ./backup 0
  [ "$output" = 'backing up 0' ]
  runs=$(job backup runs)
  run -0 "$CONDOLOCK" run --key other -- ./backup 0
  [ "$(job backup runs)" -eq $((runs + 1)) ]
}

# yaml NAME FILTER: prints the result of jq's filter on a recipe in YAML.
yaml() { perl -MYAML::XS -MJSON::PP -0777 -e 'print encode_json(Load(<STDIN>))' < <(recipe "$1") | jq -er "$2"; }

@test "GitLab: the script exits with an allowed code after a skip, and with the command's code after a failure" {
  printf '#!/bin/sh\n[ ! -e broken ] || exit 4\n' >nightly.sh
  chmod +x nightly.sh
  yaml gitlab '.nightly.script[]' >script
  allowed=$(yaml gitlab '.nightly.allow_failure.exit_codes')
  run -0 bash -eo pipefail script
  run bash -eo pipefail script
  [ "$status" -eq 75 ]
  [ "$status" = "$allowed" ]
  run env CI=true bash -eo pipefail script
  [[ "$output" == 'condolock: skipped nightly: last success '* ]]
  "$CONDOLOCK" reset --yes nightly
  : >broken
  run bash -eo pipefail script
  [ "$status" -eq 4 ]
}

@test "GitHub: the step outputs whether the job ran, and fails if the command fails" {
  printf '#!/bin/sh\n[ ! -e broken ] || exit 4\n' >nightly.sh
  chmod +x nightly.sh
  yaml github '.jobs.nightly.steps[] | select(.id == "nightly").run' >step
  [ "$(yaml github '.jobs.nightly.steps[-1].if')" = "steps.nightly.outputs.outcome == 'ran'" ]
  [ "$(yaml github '.on.schedule[0].cron')" = '0 3 * * *' ]
  export GITHUB_OUTPUT=$PWD/output
  run -0 bash -e step
  run -0 bash -e step
  [ "$(cat output)" = $'outcome=ran\noutcome=skipped' ]
  "$CONDOLOCK" reset --yes nightly
  : >broken
  run bash -e step
  [ "$status" -eq 4 ]
  [ "$(wc -l <output)" -eq 2 ]
}

@test "readers and writers: readers run together, a writer runs alone, and each waits for the other" {
  put report <<<'echo reader >>log; until [ -e "go-readers" ]; do sleep 0.01; done; echo done >>log'
  put import <<<'echo writer >>log; until [ -e "go-writer" ]; do sleep 0.01; done; echo done >>log'
  eval "$(recipe reader)" 3>&- &
  eval "$(recipe reader)" 3>&- &
  two_readers() { [ "$(grep -c reader log)" -eq 2 ]; }
  wait_for two_readers
  eval "$(recipe writer)" 3>&- &
  writer_waits() { (($(job data-write skips) >= 1)); }
  wait_for writer_waits
  expect_code 1 grep writer log
  # A new reader does start: a waiting writer blocks nobody. A pause does.
  "$CONDOLOCK" pause data-read
  eval "$(recipe reader)" 3>&- &
  reader_waits() { (($(job data-read skips) >= 1)); }
  wait_for reader_waits
  : >go-readers
  wait_for grep -q writer log
  "$CONDOLOCK" resume data-read
  run "$CONDOLOCK" check --key data-read --slots 8 --not-running data-write
  [ "$status" -eq 75 ]
  [ "$(grep -c reader log)" -eq 2 ]
  : >go-writer
  three_readers() { [ "$(grep -c reader log)" -eq 3 ]; }
  wait_for three_readers
  wait
  [ "$(cat log)" = $'reader\nreader\ndone\ndone\nwriter\ndone\nreader\ndone' ]
}

@test "readers and writers: with --not-running on one side only, a reader starts beside a writer" {
  "$CONDOLOCK" run --key data-write --not-running data-read -- sleep 60 3>&- &
  wait_for held data-write
  "$CONDOLOCK" run --key data-read --slots 8 -- true
  expect_code 75 "$CONDOLOCK" run --key data-read --slots 8 --not-running data-write -- true
  "$CONDOLOCK" run --key data-read --slots 8 --not-running data-write --force -- true
}

@test "cancel: the run in progress is stopped and exits with 79, and the new one starts after it" {
  put deploy <<<'[ -e second ] && exec echo new >>log; trap "echo stopped >>log; exit 1" TERM; : >second; sleep 60 & wait'
  CONDOLOCK_LEASE=3s "$CONDOLOCK" run --key deploy -- srv/bin/deploy 2>old 3>&- &
  wait_for test -e second
  recipe cancel >cancel
  run -0 sh -e cancel
  code=0 && wait $! || code=$?
  [ "$code" -eq 79 ]
  [ "$(cat log)" = $'stopped\nnew' ]
  [ "$(job deploy outcome)" = success ]
  # If nobody holds the lease, the new run starts, too.
  run -0 sh -e cancel
}

@test "probe: OK, CRITICAL and UNKNOWN are printed with their reasons" {
  script probe check_backup
  run ./check_backup
  [ "$status" -eq 2 ]
  [[ "$output" == 'CRITICAL: --accessed-prior backup:'*'backup has not run yet'* ]]
  "$CONDOLOCK" touch backup
  run -0 ./check_backup
  [[ "$output" == 'OK: --accessed-prior backup:'*' ago' ]]
  for name in ok_start ok_end ended; do backdate backup "$name" 97200000; done
  run ./check_backup
  [ "$status" -eq 2 ]
  shows probe <<<"$output"
  "$CONDOLOCK" touch backup
  "$CONDOLOCK" touch --failed backup
  run ./check_backup
  [ "$status" -eq 2 ]
  [[ "$output" == *'the last run of backup failed'* ]]
  # The probe leaves no record of its own.
  [ "$("$CONDOLOCK" list --plain)" = backup ]
  "$CONDOLOCK" touch backup
  "$CONDOLOCK" pause --all
  run ./check_backup
  [ "$status" -eq 2 ]
  CONDOLOCK_URL=unix:///nowhere run ./check_backup
  [ "$status" -eq 3 ]
  [[ "$output" == 'UNKNOWN: condolock: error: cannot connect to /nowhere'* ]]
}

@test "maintenance: no run starts, live runs go on, and resume ends it" {
  "$CONDOLOCK" touch backup
  "$CONDOLOCK" run --key live -- sh -c 'until [ -e go ]; do sleep 0.01; done' 3>&- &
  wait_for held live
  recipe pause >pause
  run -0 sh -e pause
  [[ "$output" == *'running on '* ]]
  [[ "$output" == *'  paused for another '* ]]
  run "$CONDOLOCK" run --key backup -- true
  [ "$status" -eq 75 ]
  [ "$output" = '' ]
  "$CONDOLOCK" run --key backup --force -- true
  "$CONDOLOCK" status backup | sed -n '1,3p' | shows pause
  "$CONDOLOCK" pause single
  # A run whose lease has expired is not live.
  "$CONDOLOCK" run --key lost --force -- true
  redis HSET "{condolock}:job:lost" h_token x h_until 1 h_fence 1 h_start 1 h_who "1 gone" >/dev/null
  held live
  recipe drain >drain
  sh drain 3>&- &
  drained=$!
  wait_for pgrep -P "$drained" sleep
  : >go
  wait_for gone "$drained"
  expect_code 1 held live
  recipe resume >resume
  run -0 sh -e resume
  run -0 "$CONDOLOCK" run --key backup -- true
  expect_code 75 "$CONDOLOCK" run --key single -- true
}
