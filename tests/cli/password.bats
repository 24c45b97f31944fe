load helper

# Where the password comes from, and which other users can see it.

setup() {
  start_case
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg HOME=$BATS_TEST_TMPDIR/home
  config=$XDG_CONFIG_HOME/condolock/config.toml
  mkdir -p "$XDG_CONFIG_HOME/condolock" "$HOME"
}

refused() { # TEXT ARG...
  run --separate-stderr "$CONDOLOCK" "${@:2}"
  [ "$status" -eq 78 ] && [ "$output" = '' ] && [[ "$stderr" == "condolock: error: "$1 ]] ||
    { echo "${*:2}: $status $stderr, wanted $1"; return 1; }
}

# Makes ./condolock and the server accessible to another user.
as_other() {
  [ "$(id -u)" -eq 0 ]
  install -m 755 "$CONDOLOCK" condolock
  chmod 777 . "$REDIS_DIR/redis.sock"
  chmod a+x "$REDIS_DIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
}

secret_user() {
  redis ACL SETUSER job on '>pw' '~*' +@all >/dev/null
  export CONDOLOCK_USER=job
}

@test "a file whose owner is outside the user namespace is read, unless others may write it" {
  [ "$(id -u)" -eq 0 ]
  secret_user
  echo 'namespace = "inside"' >"$config"
  echo pw >password
  chown 12345 "$config" password
  chmod 644 "$config" password
  refused "the config file $config belongs to another user (uid 12345): change its owner with chown" touch K
  # The only user in that namespace is root, so 12345 is shown as 65534.
  [ "$(unshare -Ur stat -c %u password)" = "$(cat /proc/sys/kernel/overflowuid)" ]
  unshare -Ur "$CONDOLOCK" touch K --password-file password
  [ "$(redis EXISTS '{inside}:job:K')" = 1 ]
  chmod 664 password
  run -78 unshare -Ur "$CONDOLOCK" touch K --password-file password
  [[ "$output" == *'password is writable by others'* ]]
  # A file of nobody, who is a user of this namespace, is refused as usual.
  chmod 644 password
  chown 65534 password
  refused 'the password file password belongs to another user (uid 65534): change its owner with chown' touch K --config /dev/null --password-file password
}

@test "a password from a pipe, a descriptor, standard input, a link, or with CRLF is read" {
  secret_user
  "$CONDOLOCK" touch K --password-file <(echo pw)
  echo pw | "$CONDOLOCK" touch K --password-file /dev/stdin
  (umask 077; printf 'pw\r\nsecond line\r\n' >password)
  "$CONDOLOCK" touch K --password-file password
  "$CONDOLOCK" touch K --password-file /dev/stdin <password
  "$CONDOLOCK" touch K --password-file /dev/fd/7 7<password
  ln -s password link
  "$CONDOLOCK" touch K --password-file link
  # The command can still read standard input.
  [ "$("$CONDOLOCK" run --key K --password-file /dev/stdin -- cat <password | tr -d '\r')" = $'pw\nsecond line' ]
  mkfifo -m 600 fifo
  "$CONDOLOCK" touch F --password-file fifo 3>&- &
  (sleep 0.2; echo pw >fifo) 3>&- &
  wait %1
  [ "$(job F runs)" = 1 ]
  # A pipe of another user that was passed on.
  as_other
  echo pw | setpriv --reuid 12345 --clear-groups ./condolock touch P --password-file /dev/stdin
  [ "$(job P runs)" = 1 ]
  echo 'namespace = "piped"' | "$CONDOLOCK" touch K --password-file password --config /dev/stdin
  [ "$(redis EXISTS '{piped}:job:K')" = 1 ]
}

@test "an invalid password file is 78, at once or after a bounded time" {
  touch empty
  printf '\n\n' >blank
  printf 'p\0w\n' >zero
  head -c 70000 /dev/zero | tr '\0' x >long
  mkfifo -m 600 fifo
  chmod 600 empty blank zero long
  refused 'the password file empty has no password on its first line' touch K --password-file empty
  refused 'the password file blank has no password on its first line' touch K --password-file blank
  refused 'the password file zero contains a zero byte: it must be a text file' touch K --password-file zero
  refused 'the password file long is longer than 64 KiB' touch K --password-file long
  refused 'the password file /dev/fd/* is longer than 64 KiB' touch K --password-file <(cat long)
  refused 'the password file /dev/zero is not a regular file or a pipe' touch K --password-file /dev/zero
  refused 'the password file /dev/fd/77: Bad file descriptor' touch K --password-file /dev/fd/77
  refused 'the password file . is not a regular file or a pipe' touch K --password-file .
  perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die'
  refused 'the password file socket: No such device or address' touch K --password-file socket
  echo pw >password
  for mode in 620 602 666; do
    chmod $mode password
    refused 'the password file password is writable by others: run chmod go-w on it' touch K --password-file password
    CONDOLOCK_PASSWORD_FILE=password refused 'the password file password is writable by others: run chmod go-w on it' touch K
  done
  chmod 600 password
  [ "$(id -u)" -eq 0 ]
  chown 12345 password
  refused 'the password file password belongs to another user (uid 12345): change its owner with chown' touch K --password-file password
  refused 'the password file fifo: the writer of this pipe did not finish within 10s' touch K --password-file fifo
}

@test "a password that other users can read gives a warning on a terminal, with -v, in CI and from doctor; cron gets no mail" {
  secret_user
  echo pw >password
  text="condolock: warning: other users can read the password file password: run chmod go-r password"
  for mode in 604 640; do
    chmod $mode password
    run -0 --separate-stderr "$CONDOLOCK" touch K --password-file password
    [ "$stderr" = '' ]
    run -0 --separate-stderr "$CONDOLOCK" touch K --password-file password -v
    [ "${stderr_lines[0]}" = "$text" ]
    run -0 --separate-stderr env CI=1 "$CONDOLOCK" touch K --password-file password
    [ "${stderr_lines[0]}" = "$text" ]
    run -0 --separate-stderr "$CONDOLOCK" touch K --password-file password -q
    [ "$stderr" = '' ]
    run -1 --separate-stderr "$CONDOLOCK" doctor --password-file password -v
    [ "$stderr" = '' ]
    [[ "$output" =~ 'warning  password '*'other users can read the password file password' ]]
    [[ "$output" == *'-> chmod go-r password'* ]]
  done
  chmod 600 password
  run -0 --separate-stderr "$CONDOLOCK" touch K --password-file password -v
  [ "$stderr" = 'condolock: recorded a success of K' ]
  # A file of root that its group may read is shared on purpose.
  [ "$(id -u)" -eq 0 ]
  chmod 640 password
  chown 0:12345 password
  as_other
  run -0 --separate-stderr setpriv --reuid 54321 --regid 12345 --clear-groups ./condolock touch K --password-file password -v
  [ "$stderr" = 'condolock: recorded a success of K' ]
  # The password is in the config file's URL.
  unset CONDOLOCK_URL
  echo "url = \"unix://job:pw@$REDIS_DIR/redis.sock\"" >"$config"
  chmod 644 "$config"
  run -0 --separate-stderr "$CONDOLOCK" touch K -v
  [ "${stderr_lines[0]}" = "condolock: warning: other users can read the password in the config file $config: run chmod go-r $config" ]
  echo "url = \"unix://$REDIS_DIR/redis.sock\"" >"$config"
  run -0 --separate-stderr env CONDOLOCK_PASSWORD=pw "$CONDOLOCK" touch K -v
  [ "$stderr" = 'condolock: recorded a success of K' ]
}

@test "a systemd service gets the password with LoadCredential=, from a ramfs, with the modes that systemd uses" {
  secret_user
  as_other
  mkdir credentials
  # As the user of the service, or root: systemd gives the file to the user, or keeps it and adds an ACL, which stat() shows as
  # a group that may read.
  for file in '12345:12345 400' '0:12345 440'; do
    # shellcheck disable=SC2016  # for sh
    CREDENTIALS_DIRECTORY=$PWD/credentials run -0 --separate-stderr unshare --mount sh -ec '
      mount -t ramfs -o mode=0700,nosuid,nodev,noexec ramfs credentials
      echo pw >credentials/condolock.password
      chown ${1% *} credentials/condolock.password
      chmod ${1#* } credentials/condolock.password
      chown 12345 credentials
      chmod 500 credentials
      mount -o remount,ro,bind credentials
      exec setpriv --reuid 12345 --regid 12345 --clear-groups ./condolock run -v --key K -- printenv CREDENTIALS_DIRECTORY' sh "$file"
    [ "$output" = "$PWD/credentials" ] # a nested condolock finds it, too
    [[ "$stderr" != *warning* ]]
  done
  [ "$(job K runs)" = 2 ]
  echo pw >credentials/condolock.password
  chmod 400 credentials/condolock.password
  CREDENTIALS_DIRECTORY=$PWD/credentials "$CONDOLOCK" touch K
}

@test "the credential is used after the environment and before the config file; a missing one is no error" {
  secret_user
  (umask 077; mkdir right wrong none; echo pw | tee password >right/condolock.password; echo no | tee bad >wrong/condolock.password)
  right() { CREDENTIALS_DIRECTORY=$PWD/right run "$CONDOLOCK" touch K "$@"; echo "$output"; [ "$status" -eq "$code" ]; }
  wrong() { CREDENTIALS_DIRECTORY=$PWD/wrong run "$CONDOLOCK" touch K "$@"; echo "$output"; [ "$status" -eq "$code" ]; }
  code=0 right
  code=77 wrong
  # What overrides it.
  code=0 wrong --password-file password
  CONDOLOCK_PASSWORD_FILE=$PWD/password code=0 wrong
  CONDOLOCK_PASSWORD=pw code=0 wrong
  REDISCLI_AUTH=pw code=0 wrong
  CONDOLOCK_URL="unix://job:pw@$REDIS_DIR/redis.sock" code=0 wrong
  CONDOLOCK_PASSWORD=no code=77 right
  # What it overrides: the user of a service may be unable to read the file that the config file of the machine names.
  echo "password-file = \"$PWD/bad\"" >"$config"
  code=0 right
  echo "password-file = \"$PWD/missing\"" >"$config"
  code=0 right
  unset CONDOLOCK_URL
  echo "url = \"unix://job:no@$REDIS_DIR/redis.sock\"" >"$config"
  chmod 600 "$config"
  code=0 right
  echo "url = \"unix://job:pw@$REDIS_DIR/redis.sock\"" >"$config"
  code=77 wrong
  # There is none.
  CREDENTIALS_DIRECTORY=$PWD/none "$CONDOLOCK" touch K
  CREDENTIALS_DIRECTORY=$PWD/nowhere "$CONDOLOCK" touch K
  CREDENTIALS_DIRECTORY='' "$CONDOLOCK" touch K
  # A relative --password-file is not looked up in that directory.
  (umask 077; echo pw >right/other)
  CREDENTIALS_DIRECTORY=$PWD/right refused 'the password file other: No such file or directory' touch K --password-file other
  # The other engine needs no password.
  mkdir -m 700 db
  CREDENTIALS_DIRECTORY=/dev/null "$CONDOLOCK" touch K --url "file:$PWD/db"
}

@test "an invalid credential is 78, and the message has its path and the way out" {
  secret_user
  mkdir credentials
  export CREDENTIALS_DIRECTORY=$PWD/credentials
  file=$CREDENTIALS_DIRECTORY/condolock.password
  hint=' (correct LoadCredential= in the systemd unit, or use --password-file)'
  (umask 077; : >"$file")
  refused "the credential $file has no password on its first line$hint" run --key K -- touch ran
  head -c 70000 /dev/zero | tr '\0' x >"$file"
  refused "the credential $file is longer than 64 KiB$hint" run --key K -- touch ran
  printf 'p\0w\n' >"$file"
  refused "the credential $file contains a zero byte: it must be a text file$hint" run --key K -- touch ran
  echo pw >"$file"
  chmod 620 "$file"
  refused "the credential $file is writable by others: run chmod go-w on it$hint" run --key K -- touch ran
  CREDENTIALS_DIRECTORY=/dev/null refused "the credential /dev/null/condolock.password: Not a directory$hint" touch K
  rm "$file" && mkdir "$file"
  refused "the credential $file is not a regular file or a pipe$hint" run --key K -- touch ran
  rmdir "$file" && ln -s condolock.password "$file"
  refused "the credential $file: Too many levels of symbolic links$hint" run --key K -- touch ran
  # Another user may read neither the file nor the directory.
  rm "$file"
  (umask 077; echo pw >"$file")
  as_other
  for mode in 755 700; do
    chmod $mode credentials
    run -78 --separate-stderr setpriv --reuid 12345 --clear-groups ./condolock run --key K -- touch ran
    [ "$stderr" = "condolock: error: the credential $file: Permission denied$hint" ]
  done
  # The way out.
  echo pw | setpriv --reuid 12345 --clear-groups ./condolock touch K --password-file /dev/stdin
  [ ! -e ran ]
}

@test "systemd accepts the unit with LoadCredential= of the man page" {
  sed -n '/^# .*report\.service/,/^\.Ed/p' "$SOURCE_DIR/man/condolock.1" | grep -v '^\.Ed' | sed -e 's/\\-/-/g' \
    -e "s#/usr/local/bin/condolock#$CONDOLOCK#; s#/srv/bin/report#/bin/true#" >report.service
  grep -q '^LoadCredential=condolock\.password:/' report.service
  run -0 systemd-analyze verify --man=no "$PWD/report.service"
  [ "$output" = '' ]
}
