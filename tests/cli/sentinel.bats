# redis+sentinel://: real servers and real Sentinels. What a single server shows is in other suites.

load helper
load topology
first_port=11000

start_watched() {
  start_replicated "$@"
  start_sentinels
  export CONDOLOCK_URL=$url
}
field() { on "$(named_primary)" HGET "{condolock}:job:$1" "$2"; }
begun() { [ -n "$(field "$1" h_token)" ]; }

@test "sentinel: all commands work, and doctor says how many Sentinels lead to the primary" {
  start_watched
  "$CONDOLOCK" run --key K --min-time 60 -- touch ran
  [ -e ran ]
  [ "$(field K outcome)" = success ]
  expect_code 75 "$CONDOLOCK" run --key K --min-time 60 -- touch again
  "$CONDOLOCK" check --key K --min-time 0 >/dev/null
  "$CONDOLOCK" touch T
  "$CONDOLOCK" pause K
  "$CONDOLOCK" resume K
  "$CONDOLOCK" status K | grep -q success
  "$CONDOLOCK" list --plain | grep -qx T
  "$CONDOLOCK" history K | grep -q success
  "$CONDOLOCK" unlock K
  "$CONDOLOCK" reset K --yes
  run "$CONDOLOCK" doctor
  grep -qE '^main at the Sentinels 127.0.0.1:.*, database 0: (Redis|Valkey) .*, primary$' <<<"$output"
  grep -qE '^ok +sentinels +3 lead to the primary$' <<<"$output"
  expect_code 1 grep -q '^error' <<<"$output"
  kill_on "${sentinels[1]}"
  run -1 "$CONDOLOCK" doctor
  grep -qE "^warning +sentinels +1 of 3 do not lead to the primary: cannot connect to the Sentinel 127.0.0.1:${sentinels[1]}" <<<"$output"
}

@test "sentinel: the primary dies in mid-run: the run goes on at the new one, and is recorded there" {
  start_watched
  first=${ports[0]}
  "$CONDOLOCK" run -v --key K --lease 60s --kill-after 1s -- sh -c 'touch began; until [ -e go ]; do sleep 0.05; done' 2>said 3>&- &
  run=$!
  wait_for test -e began
  fence=$(field K fence)
  kill_on "$first"
  wait_for failed_over "$first"
  expect_code 75 "$CONDOLOCK" run --key K -- touch second # the lease has come along
  wait_for begun K
  outlives() { [ "$(field K h_until)" -gt $(($(on "$(named_primary)" --raw TIME | head -1) * 1000 + 59000)) ]; }
  wait_for outlives # so it was renewed there
  touch go
  wait "$run"
  [ "$(field K outcome)" = success ]
  [ "$(field K fence)" = "$fence" ]
  [ ! -e second ]
  expect_code 1 grep -q 'lost' said
}

@test "sentinel: a run that begins while there is no primary waits for the new one within --redis-timeout" {
  start_watched
  kill_on "${ports[0]}"
  "$CONDOLOCK" run --redis-timeout 60s --key K -- touch ran
  [ -e ran ]
  wait_for failed_over "${ports[0]}"
  [ "$(field K outcome)" = success ]
}

@test "sentinel: a Sentinel that is dead, frozen or has no primary is passed over" {
  start_watched
  freeze_on "${sentinels[0]}"
  kill_on "${sentinels[1]}"
  began=$(date +%s%3N)
  "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
  [ $(($(date +%s%3N) - began)) -ge 1000 ] # it asked the frozen one, and waited
  thaw_on "${sentinels[0]}"
  lost=$(free_port)
  start_sentinel "$lost" "${ports[0]}"
  on "$lost" SENTINEL REMOVE main
  export CONDOLOCK_URL="redis+sentinel://127.0.0.1:$lost,127.0.0.1:${sentinels[2]}/main"
  "$CONDOLOCK" run --key L -- touch ran2
  [ -e ran2 ]
}

@test "sentinel: no Sentinel answers, none knows the name, or the port is no Sentinel's: 69, 78, 78" {
  start_watched
  nobody=$(free_port)
  run -69 "$CONDOLOCK" run --redis-timeout 300ms --url "redis+sentinel://127.0.0.1:$nobody/main" --key K -- touch ran
  [[ "$output" == *"cannot connect to the Sentinel 127.0.0.1:$nobody: Connection refused (tried for "* ]]
  run -78 "$CONDOLOCK" run --url "${url%main}Main" --key K -- touch ran
  [[ "$output" == *'no Sentinel knows a primary with the name Main; they know: main' ]]
  on "${sentinels[0]}" SENTINEL REMOVE main
  run -78 "$CONDOLOCK" run --url "redis+sentinel://127.0.0.1:${sentinels[0]}/main" --key K -- touch ran
  [[ "$output" == *'no Sentinel knows a primary with the name main: they watch none' ]]
  run -78 "$CONDOLOCK" run --url "redis+sentinel://127.0.0.1:${ports[0]}/main" --key K -- touch ran
  [[ "$output" == *"127.0.0.1:${ports[0]} is not a Sentinel: name the port of one (26379)" ]]
  run -76 "$CONDOLOCK" run --url "redis://127.0.0.1:${sentinels[1]}" --key K -- touch ran
  [[ "$output" == *'(if this is a Sentinel, write redis+sentinel://HOST/NAME; '* ]]
  [ ! -e ran ]
}

# FAULTS 25. The Sentinel is a fake: real ones correct themselves too soon.
@test "sentinel: a replica that a Sentinel names as the primary gets nothing but ROLE" {
  start_replicated --replica-read-only no # so only ROLE can tell
  replica=${ports[1]}
  perl -e 'use IO::Socket::INET; $| = 1; my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1") or die;
    open(my $p, ">", "fake.port"); print $p $s->sockport; close $p;
    while (my $c = $s->accept) { sysread $c, my $b, 4096; my $n = "'"$replica"'"; print $c "*2\r\n\$9\r\n127.0.0.1\r\n\$" . length($n) . "\r\n$n\r\n" }' 3>&- &
  wait_for test -s fake.port
  on "$replica" CONFIG RESETSTAT
  run -69 "$CONDOLOCK" run --redis-timeout 500ms --url "redis+sentinel://127.0.0.1:$(cat fake.port)/main" --key K -- touch ran
  [[ "$output" == *"127.0.0.1:$replica is a replica, but a Sentinel names it as the primary (tried for "* ]]
  [ ! -e ran ]
  [ -z "$(on "$replica" KEYS '*')" ]
  expect_code 1 grep -q 'cmdstat_eval' <<<"$(on "$replica" INFO commandstats)"
}

@test "sentinel: users and passwords of the Sentinels and of the servers are different" {
  ports=("$(free_port)")
  start_on "${ports[0]}" --requirepass server
  sentinels=("$(free_port)")
  start_sentinel "${sentinels[0]}" "${ports[0]}" 'sentinel auth-pass main server' 'user default off' \
    'user watcher on >asked ~* &* +@all'
  as_watcher() { redis-cli -p "${sentinels[0]}" --user watcher --pass asked --no-auth-warning PING | grep -q PONG; }
  wait_for as_watcher
  export CONDOLOCK_URL="redis+sentinel://:server@127.0.0.1:${sentinels[0]}/main"
  run -77 "$CONDOLOCK" run --key K -- touch ran
  [[ "$output" == *"the Sentinel 127.0.0.1:${sentinels[0]} says: NOAUTH"*'(set sentinel-password-file in /etc/condolock/config.toml)' ]]
  echo wrong >wrong
  run -77 "$CONDOLOCK" run --sentinel-user watcher --sentinel-password-file wrong --key K -- touch ran
  [[ "$output" == *'says: WRONGPASS'* ]]
  echo asked >asked
  chmod 600 asked
  "$CONDOLOCK" run --sentinel-user watcher --sentinel-password-file asked --key K -- touch ran
  [ -e ran ]
  printf '%s\n' 'sentinel-user = "watcher"' "sentinel-password-file = \"$PWD/asked\"" >config.toml
  "$CONDOLOCK" run --config config.toml --key L -- touch ran2
  [ -e ran2 ]
  run -78 "$CONDOLOCK" run --sentinel-password-file none --key K -- true
  [[ "$output" == *'the password file none'* ]]
}

@test "sentinel: Sentinels and servers with TLS are checked by the same authority" {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
  tls=(--tls-cert-file "$PWD/cert.pem" --tls-key-file "$PWD/key.pem" --tls-ca-cert-file "$PWD/cert.pem" --tls-auth-clients no)
  ports=("$(free_port)")
  (cd "$REDIS_DIR/${ports[0]}" && exec redis-server --port 0 --tls-port "${ports[0]}" --bind 127.0.0.1 --save '' "${tls[@]}" >log 3>&-) &
  echo $! >"$REDIS_DIR/${ports[0]}/pid"
  encrypted() { redis-cli -p "$1" --tls --cacert cert.pem PING | grep -q PONG; }
  wait_for encrypted "${ports[0]}"
  sentinel=$(free_port)
  printf '%s\n' "port 0" "tls-port $sentinel" "bind 127.0.0.1" "tls-replication yes" "tls-auth-clients no" "tls-cert-file $PWD/cert.pem" \
    "tls-key-file $PWD/key.pem" "tls-ca-cert-file $PWD/cert.pem" "sentinel monitor main 127.0.0.1 ${ports[0]} 1" >"$REDIS_DIR/$sentinel/sentinel.conf"
  redis-server "$REDIS_DIR/$sentinel/sentinel.conf" --sentinel >/dev/null 3>&- &
  echo $! >"$REDIS_DIR/$sentinel/pid"
  wait_for encrypted "$sentinel"
  "$CONDOLOCK" run --url "rediss+sentinel://127.0.0.1:$sentinel/main" --tls-cacert cert.pem --key K -- touch ran
  [ -e ran ]
  run -77 "$CONDOLOCK" run --url "rediss+sentinel://127.0.0.1:$sentinel/main" --key K -- touch again
  [[ "$output" == *'cannot connect to the Sentinel'*certificate* ]]
  run ! "$CONDOLOCK" run --url "redis+sentinel://127.0.0.1:$sentinel/main" --redis-timeout 1s --key K -- touch again
  [[ "$output" == *'(if this is a TLS port, write rediss+sentinel:// in the URL)'* ]]
  plain=$(free_port)
  start_sentinel "$plain" "${ports[0]}"
  run -69 "$CONDOLOCK" run --url "rediss+sentinel://127.0.0.1:$plain/main" --tls-cacert cert.pem --redis-timeout 1s --key K -- touch again
  [[ "$output" == *'(if this is a port without TLS, write redis+sentinel:// in the URL)'* ]]
  [ ! -e again ]
}

# FAULTS 24. The old primary keeps its clients, but has lost its replicas and the Sentinels.
@test "sentinel: a primary that is cut off from its replicas: with --wait-replicas the command is stopped within the lease" {
  start_watched
  old=${ports[0]}
  "$CONDOLOCK" run -v --key K --lease 12s --kill-after 500ms --wait-replicas 1 -- sh -c 'touch began; exec sleep 60' 2>said 3>&- &
  run=$!
  wait_for test -e began
  freeze_on "${ports[1]}"
  freeze_on "${ports[2]}"
  expect_code 79 wait "$run"
  cat said
  grep -q "cannot renew the lease of K: 127.0.0.1:$old: no replica confirmed the change in time, but --wait-replicas is 1" said
  run -69 "$CONDOLOCK" run --key L --wait-replicas 1 -- touch ran
  [[ "$output" == *'no replica confirmed the change in time, but --wait-replicas is 1' ]]
  [ ! -e ran ]
  [ -z "$(on "$old" HGET '{condolock}:job:L' h_token)" ] # nothing is left behind
  thaw_on "${ports[1]}"
  thaw_on "${ports[2]}"
}

@test "wait-replicas: an end that no replica confirms is repeated, and a success that stays unconfirmed is 74" {
  start_replicated
  export CONDOLOCK_URL="redis://127.0.0.1:${ports[0]}"
  "$CONDOLOCK" run --key K --wait-replicas 2 -- true
  expect_code 69 "$CONDOLOCK" run --key K --redis-timeout 500ms --wait-replicas 3 -- touch ran
  [ ! -e ran ]
  hold='touch began; until [ -e go ]; do sleep 0.05; done'
  "$CONDOLOCK" run --key L --redis-timeout 3s --wait-replicas 2 -- sh -c "$hold" 3>&- &
  run=$!
  wait_for test -e began
  freeze_on "${ports[1]}"
  touch go
  wait_for sh -c "redis-cli -p ${ports[0]} HGET '{condolock}:job:L' outcome | grep -q success"
  waits() { on "${ports[0]}" INFO commandstats | sed -n 's/^cmdstat_wait:calls=\([0-9]*\),.*/\1/p'; }
  before=$(waits)
  attempt_failed() { [ "$(waits)" -gt "$before" ]; }
  wait_for attempt_failed
  thaw_on "${ports[1]}"
  wait "$run" # repeated, and confirmed
  rm -f began go
  "$CONDOLOCK" run --key M --redis-timeout 3s --record-timeout 3s --wait-replicas 2 -- sh -c "$hold" 2>said 3>&- &
  run=$!
  wait_for test -e began
  freeze_on "${ports[1]}"
  touch go
  expect_code 74 wait "$run"
  grep -q 'M succeeded, but this was not recorded' said # the last attempt may have had no time for an answer
  thaw_on "${ports[1]}"
}

# Redis 7.2 and later count from the connection's last change, which a repeated end does not make.
@test "wait-replicas: an end that is repeated on a new connection waits again" {
  start_replicated
  export CONDOLOCK_URL="redis://127.0.0.1:${ports[0]}"
  "$CONDOLOCK" run --key L --redis-timeout 3s --record-timeout 6s --wait-replicas 2 -- sh -c 'touch began; until [ -e go ]; do sleep 0.05; done' 3>&- &
  run=$!
  wait_for test -e began
  freeze_on "${ports[1]}"
  touch go
  wait_for sh -c "redis-cli -p ${ports[0]} HGET '{condolock}:job:L' outcome | grep -q success"
  until ! kill -0 "$run" 2>/dev/null; do
    on "${ports[0]}" CLIENT KILL TYPE normal >/dev/null
    sleep 0.1
  done
  expect_code 74 wait "$run"
  thaw_on "${ports[1]}"
}

@test "wait-replicas: a refusal waits for nobody" {
  start_replicated
  export CONDOLOCK_URL="redis://127.0.0.1:${ports[0]}"
  "$CONDOLOCK" touch K
  freeze_on "${ports[1]}"
  freeze_on "${ports[2]}"
  on "${ports[0]}" CONFIG RESETSTAT >/dev/null
  expect_code 75 "$CONDOLOCK" run --key K --min-time 60 --wait-replicas 2 -- true
  expect_code 1 grep -q cmdstat_wait: <<<"$(on "${ports[0]}" INFO commandstats)"
  thaw_on "${ports[1]}"
  thaw_on "${ports[2]}"
}
