load helper

# --report-fd: every event in its order, and every line by the schema.

# reported EXIT_CODE EVENTS ARG...: runs with these arguments and checks EVENTS, which are "event" or "event:decision" in
# their order.
reported() {
  local want=$1 events=$2 code=0
  shift 2
  "$CONDOLOCK" run --key K --report-fd 3 "$@" 3>report 2>said || code=$?
  [ "$code" -eq "$want" ] || { echo "$code: $(cat said)"; return 1; }
  by_schema "$want" "$events"
}

by_schema() {
  "$SCHEMA_CHECK" "$SOURCE_DIR/tests/cli/report.schema.json" <report || return 1
  got=$(jq -r 'if .decision then .event + ":" + .decision else .event end' report | tr '\n' ' ')
  [ "$got" = "$2 " ] || { echo "events: $got"; return 1; }
  [ "$(jq -s '.[-1].exit_code' report)" = "$1" ]
  [ "$(jq -r '[.key, .run_id] | join(" ")' report | sort -u | wc -l)" = 1 ]
}

# of EVENT FILTER: prints a field of that event's line.
of() { jq -rc "select(.event == \"$1\") | $2" report; }

@test "the schema refuses invalid lines" {
  check() { "$SCHEMA_CHECK" "$SOURCE_DIR/tests/cli/report.schema.json" 2>/dev/null; }
  head='"schema":1,"at":{"ms":1,"rfc3339":"2026-11-24T12:39:48.582Z"},"key":"K","run_id":"6KciVIW1Fft5HQxjwxVzug"'
  check <<<"{$head,\"event\":\"started\",\"pid\":1}"
  expect_code 1 check <<<"{$head,\"event\":\"started\",\"pid\":\"1\"}"
  expect_code 1 check <<<"{$head,\"event\":\"started\"}"
  expect_code 1 check <<<"{$head,\"event\":\"started\",\"pid\":1,\"more\":1}"
  expect_code 1 check <<<"{$head,\"event\":\"begun\",\"pid\":1}"
  expect_code 1 check <<<"{$head,\"event\":\"decision\",\"decision\":\"busy\",\"waiting\":true}"
  expect_code 1 check <<<'{"event":"started","pid":1}'
  expect_code 1 check <<<'not JSON'
  expect_code 1 check </dev/null
}

@test "a run that succeeds reports granted, started, finished, recorded and exit" {
  reported 0 'decision:granted started finished recorded exit' -- sh -c 'echo "$$ $CONDOLOCK_FENCE $CONDOLOCK_RUN_ID" >child'
  [ "$(of started .pid) $(of decision .fence) $(of exit .run_id)" = "$(cat child)" ]
  [ "$(of decision .last_success)" = null ]
  [ "$(of decision .start.ms)" = "$(job K ok_start)" ]
  [ "$(of finished '[.exit_code, .outcome]')" = '[0,"success"]' ]
  [ "$(of recorded '[.recorded, .superseded]')" = '[true,false]' ]
  reported 75 'decision:granted started finished recorded exit' -- sh -c 'exit 75'
  [ "$(of decision .last_success.ms)" = "$(job K ok_start)" ]
  [ "$(of finished '[.exit_code, .outcome]')" = '[75,"failed"]' ]
  reported 124 'decision:granted started finished recorded exit' --timeout 0.1 -- sleep 9
  [ "$(of finished '[.exit_code, .outcome]')" = '[143,"timeout"]' ]
  reported 127 'decision:granted finished exit' -- ./no-such
  [ "$(of finished '[.exit_code, .outcome, .text]')" = '[127,"not_started","No such file or directory"]' ]
}

@test "busy, skipped and paused are reported, at once and after a wait" {
  mkfifo hold
  "$CONDOLOCK" run --key K --slots 2 -- cat hold 3>&- &
  holder=$!
  wait_for has_slots
  reported 75 'decision:busy exit' -- true
  [ "$(of decision '[.waiting, .holder.pid, .live, .slots]')" = "[false,$holder,1,2]" ]
  reported 9 'decision:busy decision:busy exit' --wait 2 --busy-code 9 -- true
  [ "$(of decision .waiting | tr '\n' ' ')" = 'true false ' ]
  : >hold
  wait "$holder"
  reported 75 'decision:skipped decision:skipped exit' --wait 2 --busy-code 9 --min-time 1h -- true
  [ "$(of decision '[.waiting, .condition, .name, .why]' | tail -1)" = '[false,"min-time",null,"recent"]' ]
  (($(of decision .since_ms | tail -1) + $(of decision .due_ms | tail -1) == 3600000))
  for reason in "--accessed-prior p:5" "--after p" "--max-failures 1" "--retry-after 1h"; do
    "$CONDOLOCK" touch --failed K
    reported 75 'decision:skipped exit' $reason -- true
  done
  reported 75 'decision:skipped exit' --after 'a\b' -- true
  [ "$(of decision .name)" = 'a\b' ]
  reported 0 'decision:granted started finished recorded exit' --once x --max-runs 1/1h -- true
  reported 75 'decision:skipped exit' --once x -- true
  reported 75 'decision:skipped exit' --max-runs 1/1h -- true
  "$CONDOLOCK" pause K --reason "$(printf 'b\xffd')"
  reported 75 'decision:paused decision:paused exit' --wait 2 -- true
  [ "$(of decision '[.left_ms, .reason]' | head -1)" = '[null,"b�d"]' ]
}
has_slots() { [ "$(redis EXISTS '{condolock}:slots:K')" = 1 ]; }

@test "renewed and lost are reported" {
  "$CONDOLOCK" run --key K --report-fd 3 --lease 12 -- sh -c ': >ready; exec sleep 60' 3>report 2>said &
  condolock=$!
  wait_for test -e ready
  wait_for grep -q renewed report
  redis FLUSHALL
  wait_for grep -q '"reasserted":true' report
  "$CONDOLOCK" unlock --now K 2>/dev/null
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 79 ]
  grep -v renewed report >rest
  "$SCHEMA_CHECK" "$SOURCE_DIR/tests/cli/report.schema.json" <report
  mv rest report
  by_schema 79 'decision:granted started lost finished recorded exit'
  [ "$(of lost .why)" = revoked ]
  [ "$(of lost .operator)" = "$(user_here root)" ]
  [ "$(of finished .outcome)" = lost ]
  [ "$(of recorded '[.recorded, .superseded]')" = '[true,true]' ]
}

@test "failed, unreachable, unleased and not recorded are reported if no answer comes, and so is an error" {
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/nobody.sock"
  reported 69 'decision:failed exit' -- true
  [ "$(of decision .fault)" = unreachable ]
  reported 75 'decision:unreachable exit' --on-unreachable skip -- true
  reported 3 'decision:unleased started finished recorded exit' --on-unreachable run -- sh -c 'exit 3'
  [ "$(of recorded .recorded)" = false ]
  export CONDOLOCK_URL="unix://$REDIS_DIR/redis.sock?db=99"
  reported 78 'decision:failed exit' -- true
  [ "$(of decision .fault)" = misconfigured ]
}

@test "signalled is reported" {
  "$CONDOLOCK" run --key K --report-fd 3 --jitter 1h -- true 3>report &
  condolock=$!
  wait_for sh -c "ls -l /proc/$condolock/fd | grep -q timerfd"
  kill -TERM "$condolock"
  code=0
  wait "$condolock" || code=$?
  [ "$code" -eq 143 ]
  by_schema 143 'decision:signalled exit'
  [ "$(of decision .signal)" = 15 ]
}

@test "the command does not get the descriptor, and a report without a reader delays nothing" {
  reported 0 'decision:granted started finished recorded exit' -- sh -c '[ ! -e /proc/self/fd/3 ]'
  mkfifo pipe
  exec 8<>pipe
  # The pipe is full, and nobody reads it.
  perl -e 'use Fcntl; open(my $f, "+<&=", 8); fcntl($f, F_SETFL, O_RDWR | O_NONBLOCK); 1 while syswrite($f, "x" x 4096); fcntl($f, F_SETFL, O_RDWR)'
  timeout 20 "$CONDOLOCK" run --key K --report-fd 3 -- touch ran 3>pipe
  [ -e ran ]
  exec 8>&-
}

@test "a line that was written in part does not spoil the next one" {
  mkfifo pipe
  exec 8<>pipe
  # The pipe has room for one page, and the first line is longer.
  perl -e 'use Fcntl; open(my $f, "+<&=", 8); fcntl($f, F_SETFL, O_RDWR | O_NONBLOCK); 1 while syswrite($f, "x" x 4096); sysread($f, my $page, 4096)'
  cat >drain <<'END'
use Fcntl;
sysopen(my $pipe, "pipe", O_RDONLY | O_NONBLOCK);
while (sysread($pipe, my $some, 65536)) { $some =~ s{^x+}{}; print $some }
END
  key=$(perl -e 'print "\x01" x 1000')
  timeout 20 "$CONDOLOCK" run --key "$key" --report-fd 3 -- perl drain 3>pipe >report
  perl drain >>report
  exec 8>&-
  [ "$(head -1 report | jq -R '[fromjson?] | length')" = 0 ]
  jq -rR 'fromjson? | .event' report >whole
  [ "$(tail -3 whole | tr '\n' ' ')" = 'finished recorded exit ' ] # all lines that came after there was room
}

@test "the report can go to a socket" {
  perl -e 'use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0); my $pid = fork // die;
    if (!$pid) { close $a; open(STDOUT, ">&", $b); use POSIX; POSIX::dup2(fileno($b), 3); exec $ENV{CONDOLOCK}, qw(run --key K --report-fd 3 -- true) }
    close $b; print while <$a>; waitpid($pid, 0); exit($? ? 1 : 0)' >report
  by_schema 0 'decision:granted started finished recorded exit'
}

@test "wrong descriptors are refused" {
  refused() {
    run "$CONDOLOCK" run --key K --report-fd "$1" -- true
    [ "$status" -eq 64 ]
    [[ "$output" == "condolock: error: --report-fd: $2"* ]]
  }
  refused 9 'descriptor 9 is not open: write --report-fd 9 ... 9>file'
  for wrong in 0 1 2 -1 x ''; do refused "$wrong" "invalid descriptor '$wrong'"; done
  refused 8 'descriptor 8 is open for reading only' 8</dev/null
  # These belong to condolock, not to the caller: the signals' descriptor is the first free one.
  for n in 3 4 5; do
    run bash -c 'exec 3>&- 4>&- 5>&-; "$CONDOLOCK" run --key K --report-fd '$n' -- true'
    [ "$status" -eq 64 ]
    [[ "$output" == "condolock: error: --report-fd: descriptor $n is not open"* ]]
  done
}
