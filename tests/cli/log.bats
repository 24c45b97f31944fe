load helper

# Standard error as a log file: with -v each line of condolock begins with the time.

stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+05:30 '

setup() {
  start_case
  export TZ=XYZ-5:30
}

@test "-v to a file: lines of condolock begin with the time, lines of the command do not" {
  "$CONDOLOCK" run -v --key K -- sh -c 'echo from the command >&2' 2>>log
  "$CONDOLOCK" touch -v K 2>>log
  CONDOLOCK_VERBOSE=1 "$CONDOLOCK" run --key K --min-time 1h -- true 2>>log || [ $? -eq 75 ]
  "$CONDOLOCK" run -v --key K --timeout 100ms -- sleep 60 2>>log || [ $? -eq 124 ]
  "$CONDOLOCK" run --key K -v --url unix:///nowhere -- true 2>>log || [ $? -eq 69 ]
  "$CONDOLOCK" run --key K -v --lease x -- true 2>>log || [ $? -eq 64 ]
  [ "$(grep -Evc "$stamp" log)" -eq 1 ]
  grep -qx 'from the command' log
  sed -E "s/$stamp//" log >text
  grep -qx 'condolock: running K (fence [0-9]*)' text
  grep -q '^condolock: skipped K: ' text
  grep -q '^condolock: error: K ran longer than --timeout 100ms' text
  grep -q '^condolock: error: K was not run: cannot connect to /nowhere' text
  # It is the current time, in the local zone.
  first=$(date -d "$(cut -d' ' -f1 log | head -1)" +%s)
  [ $(($(date +%s) - first)) -lt 30 ]
}

@test "lines have no time without -v, or if a pipe, a socket or a terminal reads them" {
  "$CONDOLOCK" run --key K --url unix:///nowhere -- true 2>log || [ $? -eq 69 ]
  grep -q '^condolock: error: ' log
  "$CONDOLOCK" touch -v K 2>&1 >/dev/null | grep -qx 'condolock: recorded a success of K'
  script -qec '"$CONDOLOCK" touch -v K' /dev/null </dev/null | tr -d '\r' | grep -qx 'condolock: recorded a success of K'
  perl -MSocket -e 'socketpair(my $ours, my $its, AF_UNIX, SOCK_STREAM, 0) or die;
    if (!fork) { open STDERR, ">&", $its; exec @ARGV }
    close $its; print <$ours>' "$CONDOLOCK" touch -v K | grep -qx 'condolock: recorded a success of K'
}
