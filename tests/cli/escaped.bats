load helper

# A server that may send any text. Its text must not reach a terminal or a log unescaped, and must not break a JSON document.

# Moves the cursor, sets the title, ends the line. Has C0, C1 (as UTF-8 and as a raw byte), bidirectional controls and line
# separators.
EVIL=$(printf 'a\033]0;b\007c\rd\ne\177f\302\233g\233h\342\200\256i\342\201\246j\342\200\250k\342\200\217l')

# resp WORD...: a flat array. bulk WORD: one string.
bulk() { local LC_ALL=C; printf '$%d\r\n%s\r\n' "${#1}" "$1"; }
resp() {
  local word
  printf '*%d\r\n' $#
  for word in "$@"; do bulk "$word"; done
}
role() { printf '*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n'; }

# hostile COMMAND...: runs it with a server that answers the nth request of each connection with the file reply.n, or with
# the last such file.
hostile() {
  rm -f fake.sock ready
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "fake.sock", Listen => 9) or die; open(R, ">ready"); close(R);
    while ($c = $s->accept) { for ($n = 1; sysread($c, $_, 65536); $n++) { open(F, "<", "reply.$n") or open(F, "<", "reply.1"); local $/; syswrite($c, <F>) } }' 3>&- &
  local server=$! code=0
  wait_for test -e ready
  CONDOLOCK_URL="unix://$PWD/fake.sock" timeout -s KILL 20 "$CONDOLOCK" "$@" >out 2>err || code=$?
  put_down "$server"
  [ "$code" -lt 128 ] || { echo "$*: exit code $code"; return 1; }
  cat out err >both
  harmless <both
}

# Succeeds if standard input is UTF-8 without characters that could control a terminal, or hide or reorder text.
harmless() {
  perl -MEncode -e 'local $/; my $text = <STDIN> // "";
    my $decoded = eval { decode("UTF-8", my $copy = $text, Encode::FB_CROAK) } // die "not UTF-8: $text\n";
    die "not harmless: $text\n" if $decoded =~ /[\x00-\x09\x0b-\x1f\x7f-\x9f\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]/'
}

# Makes a test fail if the text is not shown at all.
shows_evil() { grep -qF '\x1b]0;b' both || { echo 'not shown:'; cat both; return 1; }; }

record() { # all texts of the record are EVIL
  role
  resp records 5000 "$@" record 1 9000 7 4000 "3000:$EVIL" "1 $EVIL" 1 '' 10 fence 7 ended 4000 outcome "$EVIL" code 3 \
    paused_until 9000 paused_why "$EVIL" paused_by "3000:$EVIL" refused_at 4000 refused_who "1 $EVIL" refused_why "$EVIL"
}

@test "status and list escape a record's texts, as text and as JSON" {
  record 1 '' "$EVIL" "$EVIL" 5 >reply.1 # all keys are paused
  hostile status K
  shows_evil
  [ "$(grep -cF '\x1b]0;b' <(grep ' pause ' out))" -eq 1 ]
  record '' '' '' '' '' >reply.1
  hostile status K
  [ "$(grep -cF '\x1b]0;b' out)" -eq 5 ] # holder, pause, outcome, and two of the last skip: who and why
  hostile status --json K
  [ "$(jq -r '.keys[0].last_run.outcome' out | head -c 5 | od -An -tx1 | tr -d ' ')" = 611b5d303b ]
  grep -qF '\u009b' out
  grep -qF '\u202e' out
  { role; resp names '' '' 0 0 "$EVIL"; } >reply.1
  record '' '' '' '' '' >reply.2
  cp reply.2 reply.3
  for form in '' --json --plain --prometheus; do
    hostile list $form
    grep -q ']0;b' out
  done
}

@test "history escapes its texts" {
  { role; resp runs 5000 "1 2 3 failed 4 5 $EVIL"; } >reply.1
  hostile history K
  shows_evil
  hostile history --json K
  jq -e '.runs[0].host' out >/dev/null
  { role; resp runs 5000 "1 2 3 $EVIL 4 5 host"; } >reply.1
  hostile history K
}

@test "messages about malformed, newer and invalid replies and about errors are escaped" {
  for words in 'malformed x y' 'newer x y' 'z'; do
    # shellcheck disable=SC2086
    case $words in
      malformed*) { role; resp malformed "$EVIL" "$EVIL"; } >reply.1 ;;
      newer*) { role; resp newer "$EVIL" "$EVIL"; } >reply.1 ;;
      *) { role; resp "$EVIL"; } >reply.1 ;;
    esac
    for command in 'status K' 'status --json K' 'list' 'history K' 'check K'; do
      hostile $command
      shows_evil
    done
    sed '1,/^\*0/d' reply.1 >reply.run && mv reply.run reply.1
    for command in 'touch K' 'pause K' 'resume K' 'unlock K' 'reset K --yes' 'run -v --key K -- true'; do
      hostile $command
      shows_evil
    done
  done
  for error in ERR NOAUTH WRONGPASS OOM READONLY; do
    printf -- '-%s %s\r\n' "$error" "${EVIL//[$'\r\n']/}" >reply.1
    for command in 'touch K' 'run -v --key K -- true'; do
      hostile $command
      shows_evil
    done
    cat reply.1 reply.1 >reply.both && mv reply.both reply.1 # ROLE gets a reply, too
    hostile status K
    shows_evil
  done
}

@test "check, run and its report escape the texts of verdicts and refusals" {
  { role; resp verdicts "1 $EVIL" 5 6 1 1 1 7 "$EVIL" "$EVIL" 4 1 '' "$EVIL" 5 6; } >reply.1
  hostile check K --min-time 5
  shows_evil
  resp held "1 $EVIL" 5 6 1 1 >reply.1
  hostile run -v --key K --report-fd 3 -- true 3>report
  shows_evil
  harmless <report
  jq -es 'map(.holder.host // empty) | length == 1' report >/dev/null
  resp paused 7 "$EVIL" "$EVIL" 4 1 >reply.1
  hostile run -v --key K --report-fd 3 -- true 3>report
  shows_evil
  harmless <report
  resp skipped 1 "$EVIL" 5 6 - >reply.1
  hostile run -v --key K --min-time 5 --report-fd 3 -- true 3>report
  harmless <report
  jq -es 'map(.why // empty) | length == 1' report >/dev/null
}

@test "commands that change a record escape the server's texts" {
  resp revoked 1 "1 $EVIL" 5 6 >reply.1
  hostile unlock -v K
  shows_evil
  resp removed 1 "1 $EVIL" 5 6 >reply.1
  hostile unlock -v --now K
  shows_evil
  resp held "1 $EVIL" 5 6 1 >reply.1
  hostile reset -v --yes K
  shows_evil
}

@test "doctor escapes the server's texts" {
  bulk "redis_version:7.0.0$EVIL
maxmemory_policy:$EVIL
role:$EVIL
os:$EVIL" >reply.1
  hostile doctor
  hostile doctor --json
  jq -e .checks out >/dev/null
  printf -- '-ERR %s\r\n' "${EVIL//[$'\r\n']/}" >reply.1
  hostile doctor
  shows_evil
  hostile doctor --json
  jq -e .checks out >/dev/null
}

@test "errors escape the user's own arguments" {
  local esc=$'\033[2J\302\233\342\200\256'
  for arguments in "run --key K --$esc -- true" "$esc" "-$esc" "--$esc=1 list" "run --key K --slots $esc -- true" \
    "run --key K --min-time $esc -- true" "run --key K --accessed-prior $esc -- true" "run --key K --max-runs $esc -- true" \
    "list --color $esc" "list --namespace $esc" "list --config /no/$esc" "list --password-file /no/$esc" "status K --$esc" \
    "run --key K --on-unreachable $esc -- true" "run --key K --report-fd $esc -- true" "check K $esc" "list --url $esc" \
    "list --url redis://$esc" "list --url unix:///no/$esc" "run --key K --url file:/proc/no/$esc -- true" "status --url unix:///no/x $esc" \
    "run --key K -- /no/$esc" "run --key K $esc"; do
    status=0
    output=$("$CONDOLOCK" $arguments 2>&1) || status=$?
    [ "$status" -ne 0 ] || { echo "0: $arguments"; return 1; }
    [ -n "$output" ]
    harmless <<<"$output" || { echo "$arguments"; return 1; }
  done
}

@test "a key, a host and other values are data only: no Lua, no RESP, no pattern, and nothing of them reaches the terminal" {
  redis SET precious kept >/dev/null
  # A host name may have any bytes, too. It is in the record of the holder.
  # shellcheck disable=SC2016  # for perl
  renamed=(unshare --uts perl -e 'my $name = shift; syscall(`uname -m` =~ /aarch64/ ? 161 : 170, $name, length $name) == 0 or die; exec @ARGV or die')
  host=$'h\033]52;c;aGk=\007\r\n"]]\342\200\256{x}'
  local keys=('{x}:y' '{}' '}{' '*' '[a-z]' '?' 'return redis.call("FLUSHALL")' '"]] redis.call("FLUSHALL") --' "' .. redis.call('FLUSHALL') .. '"
    $'*1\r\n$8\r\nFLUSHALL\r\n' $'\r\nFLUSHALL\r\n' '--key' '%s%n' $'\033]52;c;aGk=\007' $'a\r\ncondolock: x succeeded' "$EVIL" $'\xff\xfe')
  local key count=0
  # adds COMMAND...: its output goes to both.
  adds() { "$@" >>both 2>&1 || code=$?; }
  for key in "${keys[@]}"; do
    : >both
    code=0
    adds "${renamed[@]}" "$host" "$CONDOLOCK" run -v "--key=$key" --min-time 1ms --once "$key" --not-running "$key x" --accessed-prior "precious:1s" \
      --report-fd 7 -- touch ran 7>report || :
    [ "$code" -eq 75 ]
    code=0
    adds "${renamed[@]}" "$host" "$CONDOLOCK" run -v "--key=$key" --once "$key" --not-running "$key x" --report-fd 7 \
      --on-success 'printf %s "$CONDOLOCK_KEY" >hooked' -- sh -c 'printf %s "$CONDOLOCK_KEY" >keyed' 7>>report
    [ "$code" -eq 0 ]
    [ "$(cat keyed)" = "$key" ] && [ "$(cat hooked)" = "$key" ]
    adds "$CONDOLOCK" status -- "$key"
    adds "$CONDOLOCK" status --json -- "$key"
    adds "$CONDOLOCK" history -- "$key"
    adds "$CONDOLOCK" check --key="$key" --min-time 1h --accessed-prior "$key:1ms"
    adds "$CONDOLOCK" pause --reason "$key" -- "$key"
    adds "$CONDOLOCK" run -v "--key=$key" -- true
    adds "$CONDOLOCK" resume -- "$key"
    adds "$CONDOLOCK" unlock -- "$key"
    harmless <both
    harmless <report
    grep -qF 'h\x1b]52;c' both # the host is shown
    jq -es 'length >= 2' report >/dev/null
    [ "$(job "$key" runs)" = 1 ] # the key itself, and no other
    count=$((count + 1))
  done
  [ ! -e ran ]
  : >both
  for words in 'list' 'list --json' 'list --plain' 'list --prometheus' 'history' 'history --json' 'doctor'; do adds "$CONDOLOCK" $words; done
  harmless <both
  [ "$("$CONDOLOCK" list --json | jq '.keys | length')" -eq "$count" ]
  [ "$(redis HLEN '{condolock}:job:precious')" = 0 ]
  "$CONDOLOCK" reset --yes -- "${keys[0]}"
  [ "$(redis GET precious)" = kept ]
  [ "$("$CONDOLOCK" list --json | jq '.keys | length')" -eq $((count - 1)) ]
}
