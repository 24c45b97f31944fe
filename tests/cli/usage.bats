load helper

# Bad input: 64 (or 78), with a message that names the cause and the way out, before any connection is made.

setup() {
  clear_environment
  # Nothing listens there: a connection would give 69.
  export CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/nobody.sock"
  cd "$BATS_TEST_TMPDIR" || return 1
}

# refused CODE TEXT ARG...: checks the exit code, that stderr is one line with the text, and that stdout is empty.
refused() {
  local code=$1 text=$2
  shift 2
  run --separate-stderr "$CONDOLOCK" "$@"
  [ "$status" -eq "$code" ] && [ "$output" = '' ] && [ "${#stderr_lines[@]}" -eq 1 ] && [[ "$stderr" == "condolock: error: "*"$text"* ]] ||
    { echo "$*: $status $output $stderr, wanted $code and $text"; return 1; }
}

@test "a missing command, key, -- or command after it is refused" {
  refused 64 'the command is missing: write condolock run --key K -- CMD [ARG...]'
  refused 64 "unknown command 'rnu' (did you mean run?); see condolock --help" rnu --key K -- true
  refused 64 "unknown command 'verison' (did you mean version?); see condolock --help" verison
  refused 64 "unknown command 'rnu' (did you mean run?)" help rnu
  refused 64 "unexpected argument 'x'" version x
  refused 64 "unexpected argument 'x'" help run x
  for line in 'help --help' 'version -h' 'help run -h' 'help help' 'help version'; do
    run -0 --separate-stderr "$CONDOLOCK" $line
    [[ $output = *'Usage: condolock '* ]]
  done
  refused 64 '--key must come after the command: write condolock COMMAND --key ...; see condolock --help' --key K -- true
  refused 64 'the command is missing' --
  refused 64 'the command is missing' -v
  refused 64 'the command must come after --; usage: condolock run --key K [CONDITION...] [OPTION...] -- CMD [ARG...]' run --key K
  refused 64 'the command must come after --; usage: condolock run --key K [CONDITION...]' run K
  refused 64 'the command after -- is missing' run --key K --
  refused 64 'the command after -- is missing' run --key K -- ''
  refused 64 'the key is missing' run -- true
  refused 64 'the key is missing' run --min-time 5 -- true
  refused 64 'the command must come after --: write condolock run --key K -- L -- true' run --key K L -- true
  refused 64 'the key is missing' check
  refused 64 'the key is missing' touch
  refused 64 'the key is missing' status
  refused 64 "unexpected argument 'L'" touch K L
  for command in pause resume unlock reset; do refused 64 'the key is missing' $command; done
  refused 64 "unexpected argument 'L'" history K L
  refused 64 "unexpected argument 'b'" list a b
  refused 64 "unexpected argument 'a'" doctor a
  refused 64 'the shell is missing; usage: condolock completion bash|zsh|fish' completion
  refused 64 "unknown shell 'tcsh': use bash, zsh or fish" completion tcsh
  refused 64 "unknown shell '': use bash, zsh or fish" completion ''
  refused 64 "unexpected argument 'zsh'; usage: condolock completion bash|zsh|fish" completion bash zsh
  refused 64 "unexpected argument 'zsh'" completion bash -- zsh
  refused 64 'unknown option --json' completion --json bash
  refused 64 'use only one of --json, --plain and --prometheus' list --json --plain
  refused 64 'use only one of --json, --plain and --prometheus' list --prometheus --json
  for limit in 0 -1 x 10001 1.5 ''; do refused 64 "--limit: invalid number '$limit': use 1 to 10000" history K --limit "$limit"; done
  refused 64 'no terminal to confirm on: use --yes' reset K
  refused 64 '--yes takes no value' reset K --yes=1
  for line in 'doctor --json=1' 'history K --json=1' 'list --json=1' 'list --plain=1' 'list --prometheus=x'; do
    refused 64 'takes no value' $line
  done
  refused 64 '--limit needs a value' history K --limit
  refused 64 '--config needs a value' status K --config
  refused 64 'unknown option --yes' unlock K --yes
  refused 64 'unknown option --accesed-prior (did you mean --accessed-prior?); see condolock run --help' run --key K --accesed-prior a:5 -- true
  refused 64 'unknown option --lesae=5 (did you mean --lease?)' run --key K --lesae=5 -- true
  refused 64 '--reason: the reason must have at most 64 bytes' pause K --reason "$(printf 'r%.0s' $(seq 65))"
  refused 64 "--for: invalid duration 'soon'" pause K --for soon
  refused 64 '--for: must be at least 1ms' pause K --for 0
}

@test "a forgotten -- is reported before the command's options, with the corrected line" {
  forgotten() { refused 64 "the command must come after --: write condolock $1" "${@:2}"; }
  forgotten 'run --key K -- echo hi' run --key K echo hi
  forgotten 'run K -- echo hi' run K echo hi
  forgotten 'run K --min-time 5 -- echo hi' run K --min-time 5 echo hi
  forgotten 'run --key K --min-time 300 -- rsync -a src dst' run --key K --min-time 300 rsync -a src dst
  forgotten "run --key K -- sh -c 'echo \"a b\"'" run --key K sh -c 'echo "a b"'
  forgotten 'run -vE 0 --key=K -- make -k test' run -vE 0 --key=K make -k test
  forgotten "run --key K -- grep -v 'x*' f" run --key K grep -v 'x*' f
  forgotten 'run --key K -u URL -- true --key x' run --key K -u redis://:secret@h true --key x
  forgotten 'run --url=URL --key K -- true' run --url=redis://:secret@h --key K true
  forgotten 'run --key K -- git checkout -- f' run --key K git checkout -- f
  forgotten 'run --key K -- grep -e x -- f' run --key K grep -e x -- f
  forgotten 'run --key K -- ls -l' run ls -l
  forgotten 'run --key K -- echo hi' run --key K echo hi --min-time
  refused 64 'unknown option --nope' run --key K --nope true
  refused 64 'unknown option --nope' run K --nope -- true
  refused 64 '--min-time needs a value' run --key K --min-time
}

@test "an option's value is never taken for an option" {
  refused 69 '' pause K --reason --because=
  refused 69 '' run --key --key=  -- true
}

@test "invalid keys are refused" {
  refused 64 'a key must not be empty' run --key= -- true
  refused 64 'a key must not be empty' run --key '' -- true
  refused 64 'a key must not be empty' status ''
  refused 64 'at most 1024 bytes' run --key "$(printf 'k%.0s' $(seq 1025))" -- true
  refused 64 '--key can be given only once' run --key a --key b -- true
}

@test "invalid durations are refused for every option that takes one" {
  for option in --min-time --lease --timeout --kill-after -k --jitter --record-timeout --redis-timeout; do
    for wrong in -1 1e999 nan inf 5M 1y '' ' 5' 5x 99999999999999999999 0.0001 5m5; do
      refused 64 "invalid duration '$wrong'" run --key K "$option" "$wrong" -- true
      [[ "$option" != --* ]] || refused 64 "invalid duration '$wrong'" run --key K "$option=$wrong" -- true
    done
  done
  refused 64 "invalid duration '-5'" run --key K --min-time -5 -- true
  refused 64 '--lease: must be at least 1s' run --key K --lease 999ms -- true
  refused 64 '--redis-timeout: must be at least 1ms' run --key K --redis-timeout 0 -- true
}

@test "invalid conditions are refused" {
  refused 64 "--accessed-prior: invalid value 'checking': write NAME:D" run --key K --accessed-prior checking -- true
  refused 64 '--accessed-prior: a key must not be empty' run --key K --accessed-prior :5 -- true
  refused 64 "--accessed-prior: invalid duration ''" run --key K --accessed-prior a: -- true
  refused 64 "--min-time-from: invalid value 'middle': use start or end" run --key K --min-time 5 --min-time-from middle -- true
  refused 64 '--min-time-from requires --min-time D' run --key K --min-time-from start -- true
  refused 64 '--min-time can be given only once' run --key K --min-time 1 --min-time 2 -- true
  refused 64 "--min-time: invalid duration '5M'" check K --min-time 5M
  refused 64 '--after: a key must not be empty' run --key K --after '' -- true
  refused 64 '--not-running: a key must not be empty' run --key K --not-running= -- true
  refused 64 "--retry-after: invalid duration 'x'" run --key K --retry-after x -- true
  refused 64 "--on-unreachable: invalid value 'retry': use fail, run or skip" run --key K --on-unreachable retry -- true
  refused 64 "--max-failures: invalid number '0': use 1 to 1000000" run --key K --max-failures 0 -- true
}

@test "invalid values for slots, waiting and history are refused" {
  for wrong in 0 1001 -1 x '' 1.5 0x2; do refused 64 "--slots: invalid number '$wrong': use 1 to 1000" run --key K --slots "$wrong" -- true; done
  for wrong in never -1 '' 5M; do
    refused 64 "--wait: invalid duration '$wrong'" run --key K --wait "$wrong" -- true
    refused 64 "--wait: invalid duration '$wrong'" run --key K -w "$wrong" -- true
  done
  CONDOLOCK_WAIT=never refused 78 "CONDOLOCK_WAIT: invalid duration 'never'" run --key K -- true
  for wrong in -1 10001 x; do refused 64 "--history: invalid number '$wrong': use 0 to 10000" run --key K --history "$wrong" -- true; done
  refused 64 "--max-runs: invalid value '5': write N/D" run --key K --max-runs 5 -- true
  for wrong in 0 1001 x ''; do refused 64 "--max-runs: invalid number '$wrong'" run --key K --max-runs "$wrong/1h" -- true; done
  refused 64 "--max-runs: invalid value '5/0': D must be at least 1ms" run --key K --max-runs 5/0 -- true
  refused 64 "--accessed-prior: invalid value 'a:0s': D must be at least 1ms" run --key K --accessed-prior a:0s -- true
  refused 64 "--max-runs: invalid duration 'x'" run --key K --max-runs 1/x -- true
  refused 64 '--once: an ID must have 1 to 64 bytes, not 0' run --key K --once '' -- true
  refused 64 '--once: an ID must have 1 to 64 bytes, not 65' run --key K --once "$(printf 'i%.0s' $(seq 65))" -- true
  refused 64 "--once cannot be combined with --slots above 1" run --key K --once x --slots 2 -- true
  refused 64 "--once cannot be combined with --on-unreachable run" run --key K --once x --on-unreachable run -- true
  CONDOLOCK_ON_UNREACHABLE=run refused 64 "--once cannot be combined with CONDOLOCK_ON_UNREACHABLE=run" run --key K --once x -- true
  refused 64 '-n means --wait 0: use -n or --wait, not both' run --key K -n --wait 5 -- true
  refused 64 "--once cannot be combined with --slots above 1" run --url "unix://:pw@$PWD/nobody" --key K --once x --slots 2 -- true
}

@test "invalid exit codes are refused" {
  for wrong in 256 -1 x '' 0x10 1.5; do
    refused 64 "--skip-code: invalid exit code '$wrong'" run --key K -E "$wrong" -- true
    refused 64 "--busy-code: invalid exit code '$wrong'" run --key K --busy-code "$wrong" -- true
    refused 64 "--success-code: invalid exit code '$wrong'" run --key K "--success-code=$wrong" -- true
  done
}

@test "unknown options, missing values, and values of flags are refused" {
  refused 64 'unknown option --nope; see condolock run --help' run --key K --nope -- true
  refused 64 'unknown option --no\x1b[1m' run --key K $'--no\e[1m' -- true
  refused 64 'unknown option -z' run --key K -z -- true
  refused 64 '--key needs a value; see condolock run --help' run --key
  refused 64 '--skip-code needs a value' run --key K -E -- true
  refused 64 "--color: invalid value 'blue': use auto, always or never" run --color blue --key K -- true
  refused 64 'unknown option --min-time' touch K --min-time 5
  for flag in --force --quiet --verbose --help; do
    for value in false 0 ''; do refused 64 "$flag takes no value" run --key K "$flag=$value" -- true; done
  done
  refused 64 '--failed takes no value' touch K --failed=no
  refused 64 '--json takes no value' status K --json=no
  refused 64 '--now takes no value' unlock K --now=no
  refused 64 '--version takes no value' --version=no
}

@test "no error about a URL repeats its password" {
  for url in redis://:secret/x@h redis://u:secret%zz@h redis://u:secret#x@h redis://u:secret@h,i redis://u:secret@h:x secret@h:1 \
    '"redis://u:secret@h"' http://u:secret@h redis+cluster://u:secret@h/1 redis+sentinel://u:secret@h redis+sentinel://u:secret@h,:x/m redis://u:secret@ 'redis://u:secret @h' redis:u:secret@h \
    unix://:secret/x@/s redis://u:secret@h/x redis://u:secret@h?x redis://u:secret@[h]; do
    CONDOLOCK_URL=$url run -78 "$CONDOLOCK" run --key K -- true
    [[ "$output" == "condolock: error: CONDOLOCK_URL: "* && "$output" != *secret* ]] || { echo "$url: $output"; return 1; }
  done
}

@test "invalid URLs and namespaces are refused" {
  refused 64 '--url: the URL has an invalid port: use a number from 1 to 65535' run -u redis://h:x --key K -- true
  refused 64 '--url: the URL has an unknown scheme' run -u http://h --key K -- true
  refused 64 '--url: the URL has no known scheme; use redis' run -u files:/d --key K -- true
  refused 64 '--url: the URL names a database, but a Cluster has only database 0' run -u redis+cluster://h/1 --key K -- true
  refused 64 '--url: the URL names no primary: write the name' run -u redis+sentinel://h --key K -- true
  refused 64 '--sentinel-user needs a URL with redis+sentinel://' run -u redis://h --sentinel-user u --key K -- true
  refused 64 '--wait-replicas: a directory (file:) has no replicas' run -u "file:$PWD/d" --wait-replicas 1 --key K -- true
  refused 64 "--wait-replicas: invalid number '101'" run --wait-replicas 101 --key K -- true
  refused 64 '--url: the URL has a / before an @ (in a user or password write it as %2F)' run -u redis://:pa/ss@host --key K -- true
  refused 64 '--url: the URL names several hosts: name one' run -u redis://h1:1,h2:2 --key K -- true
  refused 69 'cannot connect to [fe80::1%lo]:1: ' run -u 'redis://[fe80::1%25lo]:1' --redis-timeout 1s --key K -- true
  refused 69 'cannot resolve the host fe80::1%none: unknown network interface none' run -u 'redis://[fe80::1%25none]' --key K -- true
  CONDOLOCK_URL=redis://h:x refused 78 "CONDOLOCK_URL: the URL has an invalid port" run --key K -- true
  CONDOLOCK_URL='' REDIS_URL=redis://h/x refused 78 "REDIS_URL: the URL has an invalid database" run --key K -- true
  CONDOLOCK_VERBOSE=perhaps refused 78 "CONDOLOCK_VERBOSE: invalid value 'perhaps': use yes (1, true, on) or no (0, false, off)" run --key K -- true
  CONDOLOCK_NAMESPACE='a b' refused 78 "CONDOLOCK_NAMESPACE: invalid namespace 'a b'" run --key K -- true
  for option in --password-file --config; do
    refused 64 "$option: the name of the file is empty: name a file, or omit the option" status "$option" '' K
    refused 64 "$option: the name of the file is empty" "$option=" status K
  done
  echo 'password-file = ""' >empty
  refused 78 'empty:1: password-file: the name of the file is empty: name a file' --config empty status K
  CONDOLOCK_CONFIG='' CONDOLOCK_PASSWORD_FILE='' refused 69 '' status K # as if they were not set
  for url in redis://::1 redis://::1/0 redis://u:p@fe80::1:6379/0; do
    refused 64 '--url: the URL has an IPv6 address without brackets: write it as in redis://[::1]:6379/0' status --url $url K
  done
  refused 64 '--url: the URL names no directory after file://; use file:' status --url file:// K
  CONDOLOCK_LEASE=soon refused 78 "CONDOLOCK_LEASE: invalid duration 'soon'" run --key K -- true
  for wrong in '' 'a b' 'ä' '{x}' "$(printf 'n%.0s' $(seq 65))"; do
    refused 78 "--namespace: invalid namespace '$(printf '%s' "$wrong")'" run "--namespace=$wrong" --key K -- true
    refused 78 'invalid namespace' status "--namespace=$wrong" K
  done
}

@test "the command's arguments are never read as options" {
  export CONDOLOCK_KEY=K CONDOLOCK_FENCE=x CONDOLOCK_RUN_ID=x CONDOLOCK_LAST_SUCCESS=x
  refused 64 'the key is missing' run -- true
}

@test "help and version ignore the environment" {
  export CONDOLOCK_URL=nonsense CONDOLOCK_LEASE=nonsense CONDOLOCK_NAMESPACE='a b'
  for arguments in --help --version -h 'run --help' 'status -h' '-v --version' help version '-v help run' '--config /none version'; do
    run "$CONDOLOCK" $arguments
    [ "$status" -eq 0 ]
    [[ "$output" == *condolock* ]]
  done
}

@test "help and version: what --help and --version print" {
  same() { [ "$("$CONDOLOCK" $1)" = "$("$CONDOLOCK" $2)" ] || { echo "$1"; return 1; }; }
  same help --help
  same '-v help' --help
  same 'help run' 'run --help'
  same 'help help' 'help --help'
  same version --version
  same '--color never version' --version
}

@test "help goes to stdout with exit code 0, has an example, and fits a screen" {
  for command in '' run check touch status pause resume unlock completion help version; do
    for flag in -h --help; do
      run --separate-stderr "$CONDOLOCK" $command $flag
      [ "$status" -eq 0 ]
      [ "$stderr" = '' ]
      [[ "$output" =~ 'Example' ]]
      [ "$(awk '{ if (length > m) m = length } END { print m }' <<<"$output")" -le 80 ]
      [ "$(wc -l <<<"$output")" -le 50 ]
    done
  done
  run "$CONDOLOCK" --version
  [ "$status" -eq 0 ]
  [[ "$output" =~ ^'condolock '[0-9]+\.[0-9]+\.[0-9]+$ ]]
  run -0 "$CONDOLOCK" run --help
  [[ "$output" =~ 'at least D ago, or never' ]]
  [[ "$output" =~ 'never: fails' ]]
}

@test "stdout on a full disk is an error" {
  code=0
  "$CONDOLOCK" --help >/dev/full 2>said || code=$?
  [ "$code" -eq 70 ]
  [ "$(cat said)" = 'condolock: error: cannot write to standard output: No space left on device' ]
}

@test "a closed stdout is an error only for a command that prints" {
  code=0
  "$CONDOLOCK" --help >&- 2>said || code=$?
  [ "$code" -eq 70 ]
  [ "$(cat said)" = 'condolock: error: cannot write to standard output: Bad file descriptor' ]
  code=0
  "$CONDOLOCK" status K >&- 2>said || code=$?
  [ "$code" -eq 69 ]
}

@test "--color applies to every error, wherever it is found" {
  for case in '69:status K' '64:status --nope' '69:run --key K -- true' '64:run'; do
    arguments=${case#*:}
    run -"${case%%:*}" "$CONDOLOCK" --color always $arguments
    [[ "$output" == *$'\e[31merror: '* ]] || { echo "$arguments: $output"; return 1; }
  done
}

@test "every command warns of a password in --url" {
  for arguments in 'run --key K -- true' 'check K' 'touch K' 'status K' 'pause K' 'resume K' 'unlock K'; do
    run "$CONDOLOCK" ${arguments/ / --url "unix://:secret@$BATS_TEST_TMPDIR/nobody.sock" }
    [ "$status" -eq 69 ]
    [ "${lines[0]}" = 'condolock: warning: the password in --url is visible in ps; use password-file in /etc/condolock/config.toml (not CONDOLOCK_URL in a crontab: cron mails it)' ]
  done
}
