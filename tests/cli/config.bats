load helper

# The config file. Priority: command line, environment, file, default.

setup() {
  start_case
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg HOME=$BATS_TEST_TMPDIR/home
  config=$XDG_CONFIG_HOME/condolock/config.toml
  mkdir -p "$XDG_CONFIG_HOME/condolock" "$HOME"
}

# Prints the length of the run's lease in ms.
lease() {
  "$CONDOLOCK" "$@" --key L -- sleep 60 3>&- &
  wait_for held L
  job L h_length
  put_down $!
  redis FLUSHALL >/dev/null
}

refused() { # TEXT ARG...
  run --separate-stderr "$CONDOLOCK" "${@:2}"
  [ "$status" -eq 78 ] && [ "$output" = '' ] && [[ "$stderr" == "condolock: error: "$1 ]] ||
    { echo "${*:2}: $status $stderr, wanted $1"; return 1; }
}

@test "the flag overrides the environment, which overrides the file, which overrides the default" {
  [ "$(lease run)" = 60000 ]
  echo 'lease = "30s"' >"$config"
  [ "$(lease run)" = 30000 ]
  [ "$(CONDOLOCK_LEASE=20s lease run)" = 20000 ]
  [ "$(CONDOLOCK_LEASE=20s lease run --lease 10s)" = 10000 ]
  [ "$(lease run --lease 10s)" = 10000 ]
}

@test "the same priority applies to the server, the namespace and the password" {
  unset CONDOLOCK_URL
  cat >"$config" <<END
url = "unix://$REDIS_DIR/redis.sock"
namespace = "filed"
END
  "$CONDOLOCK" touch a
  [ "$(redis EXISTS '{filed}:job:a')" = 1 ]
  CONDOLOCK_NAMESPACE=env "$CONDOLOCK" touch a
  [ "$(redis EXISTS '{env}:job:a')" = 1 ]
  run env CONDOLOCK_URL="unix://$BATS_TEST_TMPDIR/nobody.sock" "$CONDOLOCK" touch a
  [ "$status" -eq 69 ]
  run env REDIS_URL="unix://$BATS_TEST_TMPDIR/nobody.sock" "$CONDOLOCK" touch a
  [ "$status" -eq 69 ]

  redis ACL SETUSER job on '>pw' '~*' +@all >/dev/null
  echo 'user = "job"' >>"$config"
  (umask 077; echo pw >password; echo wrong >wrong)
  run "$CONDOLOCK" touch a
  [ "$status" -eq 77 ]
  echo "password-file = \"$PWD/password\"" >>"$config"
  "$CONDOLOCK" touch a
  run env CONDOLOCK_PASSWORD=wrong "$CONDOLOCK" touch a # the environment overrides the file
  [ "$status" -eq 77 ]
  run env CONDOLOCK_PASSWORD_FILE="$PWD/wrong" "$CONDOLOCK" touch a
  [ "$status" -eq 77 ]
  run "$CONDOLOCK" touch a --password-file wrong
  [ "$status" -eq 77 ]
  sed -i "s#wrong#x#; s#$PWD/password#$PWD/wrong#" "$config"
  CONDOLOCK_PASSWORD=pw "$CONDOLOCK" touch a
  "$CONDOLOCK" touch a --password-file password
}

@test "a password in the file's URL gives no warning, and the environment's password overrides it" {
  unset CONDOLOCK_URL
  redis ACL SETUSER job on '>pw' '~*' +@all >/dev/null
  echo "url = \"unix://job:pw@$REDIS_DIR/redis.sock\"" >"$config"
  run --separate-stderr "$CONDOLOCK" touch a
  [ "$status" -eq 0 ]
  [ "$stderr" = '' ]
  run env CONDOLOCK_PASSWORD=wrong "$CONDOLOCK" touch a
  [ "$status" -eq 77 ]
}

@test "every name accepts every TOML type that fits it" {
  cat >"$config" <<'END'
# the same for all jobs
redis-timeout = 5          # a number is seconds
quiet = false
verbose = true
color = "never"
lease = "1m"
wait = 0
kill-after = "1s"
jitter = "1ms"
success-code = [3, 4]
skip-code = 10
busy-code = 11
on-unreachable = "fail"
record-timeout = "10s"
history = 2
END
  for code in 3 4 0 3; do expect_code $code "$CONDOLOCK" run --key K -- sh -c "exit $code"; done
  [ "$(job K failures)" = 0 ] || [ "$(job K failures)" = '' ]
  [ "$(redis LLEN '{condolock}:runs:K')" = 2 ]
  run --separate-stderr "$CONDOLOCK" run --key K --min-time 1d -- true
  [ "$status" -eq 10 ]
  [[ "$stderr" == 'condolock: skipped K: '* ]]
  echo 'timeout = 1.5' >>"$config"
  run "$CONDOLOCK" run --key T -- sleep 60
  [ "$status" -eq 124 ]
  # Every command reads the file, even without such an option.
  "$CONDOLOCK" status K >/dev/null
  "$CONDOLOCK" list >/dev/null
}

@test "the file comes from --config, CONDOLOCK_CONFIG, XDG_CONFIG_HOME or HOME, in this order" {
  mkdir -p "$HOME/.config/condolock"
  echo 'lease = "20s"' >"$HOME/.config/condolock/config.toml"
  echo 'lease = "30s"' >"$config"
  echo 'lease = "40s"' >other.toml
  [ "$(lease run)" = 30000 ]
  [ "$(XDG_CONFIG_HOME='' lease run)" = 20000 ]
  [ "$(XDG_CONFIG_HOME=xdg lease run)" = 20000 ] # not absolute, so it counts as not set
  [ "$(lease run --config other.toml)" = 40000 ]
  [ "$(CONDOLOCK_CONFIG=other.toml lease run)" = 40000 ]
  [ "$(CONDOLOCK_CONFIG=nothing lease run --config other.toml)" = 40000 ]
  [ "$(lease run --config /dev/null)" = 60000 ]
  refused 'the config file nothing: No such file or directory' status K --config nothing
  run -64 "$CONDOLOCK" status K --config ''
  [[ $output = *'--config: the name of the file is empty'* ]]
  refused "the config file $HOME is not a regular file or a pipe" status K --config "$HOME"
}

@test "an error in the file is 78 with file and line, before any connection" {
  export CONDOLOCK_URL=unix://$BATS_TEST_TMPDIR/nobody.sock
  wrong() { # TEXT LINE...
    printf '%s\n' '# a comment' "${@:2}" >"$config"
    refused "$config:$1" run --key K -- touch ran
  }
  wrong "2: unknown setting 'leese' (did you mean lease?); see FILES in condolock(1)" 'leese = "1m"'
  wrong "3: unknown setting 'key'*" 'lease = "1m"' 'key = "K"'
  wrong "3: unknown setting 'min-time'*" '' 'min-time = 5'
  wrong "2: unknown setting 'config'*" 'config = "x"'
  wrong "2: unknown setting 'a\\\\x1bb'*" '"a\u001bb" = 1'
  wrong '2: sections are not allowed: remove \[run\]' '[run]' 'lease = "1m"'
  wrong "2: lease: invalid duration 'soon'*" 'lease = "soon"'
  wrong '2: lease: must be at least 1s' 'lease = 0'
  wrong "2: skip-code: invalid exit code '256': use 0 to 255" 'skip-code = 256'
  wrong '2: lease: takes one value, not an array' 'lease = ["1m", "2m"]'
  wrong '2: lease: takes one value, not an array' 'lease = []'
  wrong '2: lease must be a string, a number, true, false or an array of these' 'lease = 2026-11-24'
  wrong '2: success-code must be a string, a number, true, false or an array of these' 'success-code = [1, [2]]'
  wrong "2: quiet: invalid value 'perhaps': use yes (1, true, on) or no (0, false, off)" 'quiet = "perhaps"'
  wrong "2: color: invalid value 'red': use auto, always or never" 'color = "red"'
  wrong "2: namespace: invalid namespace 'a b': *" 'namespace = "a b"'
  (unset CONDOLOCK_URL; wrong '2: url: *' 'url = "http://x"')
  wrong '2: * \(strings need quotes\)' 'lease = 1m'
  wrong '3: * \(strings need quotes\)' 'lease = 1' 'lease = 2'
  printf 'lease = "\xff"\n' >"$config"
  refused "$config:1: *" run --key K -- touch ran
  [ ! -e ran ]
}

# toml++ assumes these to be impossible, so its behaviour is undefined. Fuzzing found them.
@test "bytes that the parser is not safe against are refused before parsing, with line and column" {
  wrong() { # TEXT BYTES
    printf "# a comment\n$2" >"$config"
    refused "$config:2: $1" run --key K -- touch ran
  }
  wrong 'sections are not allowed: remove \[\\x09@' '[\t@'
  wrong 'sections are not allowed: remove \[' '['
  wrong "column 9: 'ﻯ' is not ASCII: put it in quotes, on one line" 'lease = \xef\xbb\xaf'
  wrong "column 14: 'é' is not ASCII: *" 'lease = "1m" \xc3\xa9'
  wrong "column 10: 'T' cannot follow a number: put strings in quotes" 'lease = 1Tx'
  wrong "column 19: ' ' is in the middle of a value: put the value in quotes" 'lease = 1979-05-27 9 x'
  wrong "column 10: '}' belongs to a table: *" 'lease = [}'
  wrong "column 10: '\"' is in the middle of a word: *" 'lease = 1"m"'
  wrong "column 9: '\\\\x00' is a control character: remove it" 'lease = \0'
  wrong "column 10: '\\\\xff' is not UTF-8: save the file as UTF-8" 'lease = "\xff"'
  [ ! -e ran ]
  printf '\xef\xbb\xbflease = "30s" # f\xc3\xbcr alle\nuser = "j\xc3\xbcrgen"\nquiet = true\r\n' >"$config" # these are valid
  run -1 --separate-stderr "$CONDOLOCK" status K --user ''
  [ "$stderr" = '' ]
}

@test "a file that others may write is refused" {
  echo 'lease = "1m"' >"$config"
  for mode in 620 602 666; do
    chmod $mode "$config"
    refused "the config file $config is writable by others: run chmod go-w on it" status K
  done
  chmod 444 "$config"
  "$CONDOLOCK" touch K
  [ "$(id -u)" -ne 0 ] || {
    chown 12345 "$config"
    refused "the config file $config belongs to another user (uid 12345): change its owner with chown" status K
  }
}

@test "an error about --once with on-unreachable = "run" names the file and line" {
  echo 'on-unreachable = "run"' >"$config"
  run --separate-stderr "$CONDOLOCK" run --key K --once x -- true
  [ "$status" -eq 64 ]
  [[ "$stderr" == "condolock: error: --once cannot be combined with $config:1: on-unreachable run: "* ]]
  CONDOLOCK_ON_UNREACHABLE=fail "$CONDOLOCK" run --key K --once x -- true
}

@test "the file accepts exactly the options of the commands" {
  names=$(sed -n '/^\.Sh FILES/,/^\.Sh EXIT/p' "$SOURCE_DIR/man/condolock.1" | sed -n '/^The names are/,/^The command line/p' | grep -E '^\.Li' | sed 's/No (an array, perhaps) , Li//' | grep -oE '[a-z][a-z-]+' | sort)
  [ "$(wc -l <<<"$names")" -eq 27 ]
  for name in $names; do
    [[ $name = tls-* || $name = sentinel-* ]] || "$CONDOLOCK" run --help | grep -q -- "--$name\b" || { echo "$name is no option"; return 1; }
    printf '%s = [[]]\n' "$name" >"$config"
    refused "$config:1: $name must be *" status K
  done
}

@test "help works without reading the file, and names its path" {
  echo rubbish >"$config"
  run -0 "$CONDOLOCK" --help
  [[ "$output" =~ 'config.toml' ]]
  "$CONDOLOCK" run --help >/dev/null
}

@test "the same priority applies to colours, to the user in a URL, and to -q and -v" {
  printf 'color = "always"\n' >"$config"
  run -64 --separate-stderr "$CONDOLOCK" status ''
  expect_code 1 grep -q $'\e' <<<"$stderr" # found before the file was read
  [[ "$("$CONDOLOCK" run -v --key K -- sh -c 'exit 0' 2>&1; "$CONDOLOCK" touch --failed K; "$CONDOLOCK" history K)" == *$'\e[31m'* ]]
  NO_COLOR=1 "$CONDOLOCK" history K >plain
  grep -q failed plain
  expect_code 1 grep -q $'\e' plain
  NO_COLOR=1 "$CONDOLOCK" history K --color always >coloured
  grep -q $'\e' coloured

  redis ACL SETUSER envu on '>pw' '~*' +@all >/dev/null
  echo "url = \"unix://fileu:pw@$REDIS_DIR/redis.sock\"" >"$config"
  unset CONDOLOCK_URL
  run "$CONDOLOCK" touch K
  [ "$status" -eq 77 ]
  CONDOLOCK_USER=envu "$CONDOLOCK" touch K
  "$CONDOLOCK" touch K --user envu
  CONDOLOCK_URL="unix://envu:pw@$REDIS_DIR/redis.sock" CONDOLOCK_USER=nobody "$CONDOLOCK" touch K

  export CONDOLOCK_URL=unix://$REDIS_DIR/redis.sock
  echo 'quiet = true' >"$config"
  [ "$("$CONDOLOCK" resume K 2>&1)" = '' ]
  [ "$("$CONDOLOCK" resume K -v 2>&1)" = 'condolock: K was not paused' ]
  [ "$(CONDOLOCK_VERBOSE=1 "$CONDOLOCK" resume K 2>&1)" = 'condolock: K was not paused' ]
  [ "$("$CONDOLOCK" resume K -v -q 2>&1)" = '' ]
  echo 'verbose = true' >"$config"
  [ "$("$CONDOLOCK" resume K 2>&1)" = 'condolock: K was not paused' ]
  [ "$(CONDOLOCK_VERBOSE=0 "$CONDOLOCK" resume K 2>&1)" = '' ]
  [ "$("$CONDOLOCK" resume K -q 2>&1)" = '' ]
}

@test "a file that is too long is refused, not cut" {
  { echo 'lease = "1m"'; perl -e 'print "# comment\n" x 7000'; echo 'rubbish = 1'; } >"$config"
  refused "the config file $config is longer than 64 KiB" status K
}

@test "an error in the command line is reported before one in the file" {
  echo rubbish >"$config"
  for line in 'status --nope K' 'status' 'history a b' 'run --key K' 'run --key K -- '; do
    run "$CONDOLOCK" $line
    [ "$status" -eq 64 ] || { echo "$line: $status"; return 1; }
  done
}

@test "without HOME, no file in the root directory is read" {
  mkdir -p root/.config/condolock root/redis
  echo 'namespace = "wrong"' >root/.config/condolock/config.toml
  chmod go-w root/.config/condolock/config.toml
  cp "$CONDOLOCK" root/condolock
  export CONDOLOCK_URL=unix:///redis/redis.sock
  unset XDG_CONFIG_HOME
  # In a mount namespace of its own, so that no mount is left.
  # shellcheck disable=SC2016  # for that shell
  in_root='mount --bind "$REDIS_DIR" root/redis
    for each in lib lib64 usr proc; do mkdir -p root/$each; mount --rbind /$each root/$each; done
    exec chroot root /condolock touch K'
  for home in -uHOME HOME= HOME=relative; do
    env "$home" unshare -m sh -ec "$in_root"
  done
  [ "$(job K runs)" = 3 ]
  [ "$(redis EXISTS '{wrong}:job:K')" = 0 ]
  HOME=/ unshare -m sh -ec "$in_root" # with this HOME the file is read
  [ "$(redis EXISTS '{wrong}:job:K')" = 1 ]
}

@test "if no server answers at the default address, the error says how to name one, unless the user did" {
  unset CONDOLOCK_URL
  export XDG_CONFIG_HOME=$PWD HOME=$PWD
  # In a network namespace of its own, since a Redis may run on this machine.
  alone() {
    unshare --net sh -c 'perl -e "socket(S, 2, 1, 0) or die; \$up = pack q(a16 s x22), q(lo), 1; ioctl(S, 0x8914, \$up) or die" &&
      exec "$@"' sh "$@"
  }
  unnamed='127.0.0.1:6379: Connection refused (name a server with --url, CONDOLOCK_URL or the config'
  unnamed+=' file; --url file: needs none on a single machine)'
  run --separate-stderr alone "$CONDOLOCK" status k
  [ "$status" -eq 69 ]
  [ "$stderr" = "condolock: error: cannot connect to $unnamed" ]
  run --separate-stderr alone "$CONDOLOCK" run --key k -- true
  [ "$stderr" = "condolock: error: k was not run: cannot connect to $unnamed" ]
  mkdir condolock
  echo 'url = "redis://127.0.0.1"' >condolock/config.toml
  for given in '--url redis://127.0.0.1' 'CONDOLOCK_URL=redis://127.0.0.1' 'REDIS_URL=redis://127.0.0.1' ''; do
    case $given in
      --*) run --separate-stderr alone "$CONDOLOCK" --config /dev/null status k $given ;;
      *=*) run --separate-stderr alone env "$given" "$CONDOLOCK" --config /dev/null status k ;;
      *) run --separate-stderr alone "$CONDOLOCK" status k ;;
    esac
    [ "$status" -eq 69 ]
    [ "$stderr" = "condolock: error: cannot connect to 127.0.0.1:6379: Connection refused" ]
  done
}
