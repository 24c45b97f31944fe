load helper

# The password is looked for everywhere: where other users, the command, the log and a core file can show it.

# Each way of giving the password to condolock.
ways='url redis_url config config_file password_file variable application credential'

setup() {
  start_case
  export HOME=$BATS_TEST_TMPDIR/home
  config=$BATS_TEST_TMPDIR/xdg/condolock/config.toml
  mkdir -p "$(dirname "$config")" "$HOME" credentials
  secret=Pw$(od -An -tx1 -N12 /dev/urandom | tr -d ' \n')
  redis ACL SETUSER job reset on ">$secret" '~*' +@all >/dev/null
  # For another user than root, who may look into every process.
  [ "$(id -u)" -eq 0 ]
  install -m 755 "$CONDOLOCK" condolock
  chmod 777 . "$REDIS_DIR/redis.sock"
  chmod a+x "$REDIS_DIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
}

# give WAY [TARGET]: gives the password in that way, for the server at unix://TARGET. Files belong to $owner, else to root.
give() {
  local target=${2:-$REDIS_DIR/redis.sock}
  clear_environment
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg
  rm -f "$config" password credentials/condolock.password
  : >"$config"
  export CONDOLOCK_URL="unix://$target" CONDOLOCK_USER=job
  case $1 in
    url) export CONDOLOCK_URL="unix://job:$secret@$target" ;;
    redis_url)
      unset CONDOLOCK_URL
      export REDIS_URL="unix://job:$secret@$target"
      ;;
    config)
      unset CONDOLOCK_URL
      echo "url = \"unix://job:$secret@$target\"" >"$config"
      ;;
    config_file) echo "password-file = \"$PWD/password\"" >"$config" ;;&
    password_file) export CONDOLOCK_PASSWORD_FILE=$PWD/password ;;&
    config_file | password_file) echo "$secret" >password ;;
    variable) export CONDOLOCK_PASSWORD=$secret ;;
    application) export REDISCLI_AUTH=$secret ;;
    credential)
      export CREDENTIALS_DIRECTORY=$PWD/credentials
      echo "$secret" >credentials/condolock.password
      ;;
    *) return 1 ;;
  esac
  chmod 600 "$config"
  chown "${owner:-0}" "$config" credentials
  for file in password credentials/condolock.password; do
    [ ! -e $file ] || { chmod 400 $file && chown "${owner:-0}" $file; }
  done
}

# The application's own REDIS_URL and REDISCLI_AUTH pass unchanged to the command and to a hook.
except_for_the_application() { sed -e "s#REDISCLI_AUTH=$secret##g; s#REDIS_URL=unix://job:$secret@##g" "$1"; }

# holds FILE...: whether one of these has the password, or its beginning.
holds() { grep -aqF -e "${secret:0:12}" "$@"; }
is_clean() { expect_code 1 holds "$@" || { grep -aF -e "${secret:0:12}" "$@" | head -c 2000; return 1; }; }

@test "no way of giving the password passes it to the command, the hook, ps or the report" {
  # condolock is the parent of the keeper, which is the parent of the command.
  cat >probe <<'END'
keeper=$(ps -o ppid= -p $$ | tr -d ' ')
condolock=$(ps -o ppid= -p $keeper | tr -d ' ')
[ "$(cat /proc/$keeper/comm)" = lease-keeper ] && [ "$(cat /proc/$condolock/comm)" = condolock ] || exit 1
cat /proc/$$/environ /proc/$$/cmdline
cat /proc/$keeper/cmdline /proc/$condolock/cmdline
for process in $keeper $condolock; do
  cat /proc/$process/environ && exit 2
  head -c 1 /proc/$process/mem && exit 3
done 2>denied
ps -ef
ps axewww
END
  owner=12345
  local traced='strace -f -qq -e trace=execve -s 100000 -v -o trace'
  for way in $ways; do
    give "$way"
    rm -f trace seen denied
    $traced setpriv --reuid 12345 --clear-groups ./condolock run -v --key K --report-fd 7 --on-success 'env >hook; ps axewww >>hook' \
      -- sh probe >seen 2>said 7>report || { echo "$way: $?"; cat said; return 1; }
    [ "$(grep -c denied denied)" -eq 4 ]
    grep -q '"finished"' report
    grep -q 'succeeded after' said
    # The first two are the programs that the caller starts with the password. Then come the keeper's and the hook's.
    grep -E 'execve\("(\./condolock|.*/setpriv)"' trace >own
    grep -vE 'execve\("(\./condolock|.*/setpriv)"' trace >others
    grep -qF '["sh", "probe"]' others
    grep -qF '["/bin/sh", "-c", "env >hook' others
    for file in others seen hook; do
      except_for_the_application $file >looked_at
      [ -s looked_at ]
      is_clean looked_at || { echo "$way: $file"; return 1; }
    done
    is_clean said report denied
    # The test would find it.
    case $way in
      url | redis_url | variable | application) holds own ;;
      *) is_clean own ;;
    esac
    [[ $way != redis_url && $way != application ]] || { holds others && holds seen && holds hook; }
  done
}

# everything OPTION...: runs each command of condolock, and adds what it prints to said.
everything() {
  local words
  for words in 'run -v --report-fd 7 --key K -- true' 'run -v --report-fd 7 --key K --on-unreachable run -- true' 'check -v --key K --json' 'touch -v K' \
    'status -v K' 'status --json K' 'list -v' 'list --json' 'list --prometheus' 'history -v K' 'history --json K' \
    'pause -v K' 'resume -v K' 'unlock -v K' 'reset -v --yes K' 'doctor -v' 'doctor --json'; do
    # shellcheck disable=SC2086
    timeout -s KILL 20 "$CONDOLOCK" "$@" $words >>said 2>&1 7>>said </dev/null || :
  done
}

@test "no message, report or output has the password, whatever fails" {
  : >right
  for way in $ways; do
    : >said
    give "$way"
    everything
    grep -q 'succeeded after' said
    everything --user nobody
    # A database that does not exist, a wrong password, no server, a user without permissions.
    give "$way" "$REDIS_DIR/redis.sock?db=99"
    everything
    grep -q 'DB index is out of range' said
    give "$way" "$PWD/nobody.sock"
    everything
    grep -q 'No such file or directory' said
    give "$way"
    redis ACL SETUSER job resetpass '>another' >/dev/null
    everything
    grep -q WRONGPASS said
    redis ACL SETUSER job resetpass ">$secret" -@all +auth +ping >/dev/null
    everything
    grep -q NOPERM said
    redis ACL SETUSER job +@all >/dev/null
    is_clean said || { echo "$way"; return 1; }
    [ "$(grep -c condolock: said)" -ge 30 ]
  done
  # Nor do the records.
  "$CONDOLOCK" run --key K -- true
  for key in $(redis KEYS '*'); do redis DUMP "$key" >>records; done
  [ -s records ]
  is_clean records
}

@test "a server that repeats the arguments of AUTH in its error: the message has no part of the password" {
  start_redis "$REDIS_DIR/renamed.sock" "$REDIS_DIR/renamed.pid" --rename-command AUTH ''
  for way in variable url; do
    : >said
    give $way "$REDIS_DIR/renamed.sock"
    redis-cli -s "$REDIS_DIR/renamed.sock" AUTH "$secret" >repeated 2>&1 || :
    holds repeated
    everything
    grep -qF "unknown command 'AUTH'" said
    is_clean said
    # Redis cuts the arguments, so only the beginning of a long password is in its error.
    long=$secret$(printf 'x%.0s' {1..200})
    CONDOLOCK_PASSWORD=$long everything --user ''
    is_clean said
    expect_code 1 grep -q xxxxxx said
  done
  # A proxy with errors of its own.
  fake "AUTH=raw:-ERR the password $secret is not known here\r\n"
  url=$CONDOLOCK_URL
  give variable
  export CONDOLOCK_URL=$url
  run -77 --separate-stderr "$CONDOLOCK" run --key K -- touch ran
  [ "$stderr" = "condolock: error: K was not run: $PWD/fake.sock says: an error that repeats the password" ]
  [ ! -e ran ]
}

# dumps COMMAND...: runs it, and succeeds if the kernel wrote a core file of it, or passed one to the program in core_pattern.
dumps() { perl -e 'my $pid = fork // die; if (!$pid) { exec @ARGV or die } waitpid $pid, 0; exit($? & 128 ? 0 : 1)' "$@"; }

# plain: runs the rest as another user. kills_itself_at CALL: runs the rest so that the kernel kills it with SIGSYS at that call,
# which usually dumps a core.
plain=(setpriv --reuid 12345 --clear-groups)

@test "a core of condolock or its keeper is never written; the command's own limit and its cores are unchanged" {
  ulimit -c unlimited
  export ASAN_OPTIONS=disable_coredump=0:handle_segv=0:handle_abort=0 # AddressSanitizer changes these
  refuse=(perl "$SOURCE_DIR/tests/support/refuse.pl" --kill timer_create)
  # Each of these ways dumps a core of a process that holds the password in memory.
  # shellcheck disable=SC2016  # for sh
  CONDOLOCK_PASSWORD=$secret dumps "${plain[@]}" sh -c 'kill -ABRT $$'
  CONDOLOCK_PASSWORD=$secret dumps "${plain[@]}" "${refuse[@]}" perl -e 'syscall $_, 0, 0, 0 for 107, 222'
  [[ "$(cat /proc/sys/kernel/core_pattern)" == [\|/]* ]] || holds core* # where they are not passed on
  rm -f core*
  for way in variable config credential; do
    # By a signal, to a run of another user and to one of root. exec replaces setpriv, so $PPID is the keeper.
    for user in 12345 0; do
      owner=$user give $way
      as=()
      [ $user = 0 ] || as=("${plain[@]}")
      for signal in ABRT SEGV SYS; do
        # shellcheck disable=SC2016  # for sh
        expect_code 1 dumps "${as[@]}" ./condolock run --key K -- sh -c 'condolock=$(ps -o ppid= -p $PPID | tr -d " ")
          ulimit -Hc >limit; ulimit -c >>limit; stat -c %u /proc/$PPID/environ /proc/$condolock/environ >owners
          stat -c %u /proc/$$/environ >own; : >began; kill -'$signal' $condolock; sleep 60'
        [ -e began ]
        [ "$(sort -u limit)" = unlimited ]
        [ "$(sort -u owners)" = 0 ]
        [ "$(cat own)" = $user ]
        rm -f limit owners own began
        redis DEL '{condolock}:job:K' >/dev/null
      done
    done
    # The keeper blocks all signals, so its first call of timer_create kills it.
    owner=12345 give $way
    run "${plain[@]}" "${refuse[@]}" ./condolock run --key K -- sleep 60
    [ "$status" -ne 0 ]
    [[ "$output" == *keeper* ]]
    redis DEL '{condolock}:job:K' >/dev/null
  done
  expect_code 1 compgen -G 'core*'
  # The command's own core is written as before.
  give variable
  # shellcheck disable=SC2016  # for sh
  "$CONDOLOCK" run --key K -- perl -e 'my $pid = fork // die; if (!$pid) { kill ABRT => $$; sleep 60 } waitpid $pid, 0; exit($? & 128 ? 0 : 1)'
}
