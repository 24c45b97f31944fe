load helper

# What stands between condolock and its server, or is done to its connections: a proxy that changes its server or has none,
# connections that are closed while idle or at any time, and a server without a free place.

# to NAME COMMAND...: redis-cli for the server with the socket NAME.sock.
to() { redis-cli -s "$REDIS_DIR/$1.sock" "${@:2}"; }
of() { to "$1" HGET "{condolock}:job:$2" "$3"; }
holds() { [ -n "$(of "$1" "$2" h_token)" ]; }

# server NAME [OPTION...]
server() {
  start_redis "$REDIS_DIR/$1.sock" "$REDIS_DIR/$1.pid" "${@:2}"
  wait_for to "$1" PING
}

# stop NAME: kills the server, and removes what it left.
stop() {
  put_down "$(cat "$REDIS_DIR/$1.pid")"
  rm -f "$REDIS_DIR/$1.sock" "$REDIS_DIR/$1.pid"
}

# start_haproxy TIMEOUT NAME...: a proxy that sends all connections to the one of these servers that is a primary, as the usual
# recipe for Redis does, and closes those that are idle for TIMEOUT. CONDOLOCK_URL names the proxy.
start_haproxy() {
  local timeout=$1 port
  shift
  for port in $(shuf -i 20000-29999 -n 20); do
    configure_haproxy "$port" "$timeout" "$@"
    haproxy -f haproxy.cfg -db >haproxy.log 2>&1 3>&- &
    HAPROXY=$!
    listens_or_ended() { [ -S haproxy.sock ] || gone "$HAPROXY"; }
    wait_for listens_or_ended
    gone "$HAPROXY" || break
  done
  PROXY_TCP=redis://127.0.0.1:$port
  export CONDOLOCK_URL="unix://$PWD/haproxy.sock"
}

configure_haproxy() { # PORT TIMEOUT NAME...
  local port=$1 timeout=$2 name
  shift 2
  cat >haproxy.cfg <<END
global
  maxconn 200
  stats socket $PWD/admin.sock mode 600 level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client $timeout
  timeout server $timeout
  timeout check 1s
frontend redis
  bind $PWD/haproxy.sock
  bind 127.0.0.1:$port
  default_backend servers
backend servers
  option tcp-check
  tcp-check connect
  tcp-check send info\ replication\r\n
  tcp-check expect string role:master
  tcp-check send QUIT\r\n
  tcp-check expect string +OK
  default-server inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions
END
  for name in "$@"; do echo "  server $name unix@$REDIS_DIR/$name.sock check" >>haproxy.cfg; done
}

# sees SERVER UP|DOWN: whether the proxy has found that out. BACKEND: all servers.
sees() {
  local state=$2
  [ "$state" != UP ] || state='UP,.*,L7OK'
  # shellcheck disable=SC2016  # for perl
  perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("admin.sock") or die; print $s "show stat\n"; print while <$s>' |
    grep -qE "^servers,$1,.*,$state,"
}

# replicates PRIMARY REPLICA: replication needs a port.
replicates() {
  local port
  for port in $(shuf -i 20000-29999 -n 20); do
    [ "$(to "$1" CONFIG SET port "$port")" != OK ] || break
  done
  to "$2" REPLICAOF 127.0.0.1 "$port" >/dev/null
  wait_for sh -c "redis-cli -s '$REDIS_DIR/$2.sock' INFO replication | grep -q 'master_link_status:up'"
}

# asleep NAME NUMBER: whether this many waiters sleep in the server.
asleep() { [ "$(to "$1" CLIENT LIST TYPE normal | grep -c ' flags=b')" -eq "$2" ]; }

# kill_all NAME: ends all connections of clients.
kill_all() { to "$1" CLIENT KILL TYPE normal >/dev/null; }

@test "haproxy, the primary fails: the run and the waiter go on with the replica, and the end is recorded there" {
  server a
  server b
  replicates a b
  start_haproxy 30s a b
  wait_for sees a UP
  wait_for sees b DOWN
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 20s -- cat hold 2>said 3>&- &
  run=$!
  wait_for holds b K
  "$CONDOLOCK" run --key K --wait 60 -- touch waited 2>waiter 3>&- &
  waiter=$!
  wait_for asleep a 1
  began=$(of b K h_until)
  stop a
  wait_for sees BACKEND DOWN
  wait_for grep -q 'cannot renew the lease of K: ' said
  to b REPLICAOF NO ONE
  renewed() { (($(of b K h_until) > began + 4000)); }
  wait_for renewed
  wait_for asleep b 1
  [ ! -e waited ]
  : >hold
  wait "$run"
  wait "$waiter"
  [ -e waited ]
  [ "$(of b K runs)" = 2 ]
  [ "$(of b K outcome)" = success ]
  grep -q 'cannot renew the lease of K: ' said
  expect_code 1 grep -q error said
  grep -q 'K is waiting, and retries for another ' waiter
}

@test "haproxy without a server: 69, --on-unreachable applies, and --wait waits until there is one" {
  start_haproxy 30s c
  wait_for sees BACKEND DOWN
  local broke="the connection to $PWD/haproxy.sock broke: "
  run -69 "$CONDOLOCK" run --key K -- touch ran
  [[ "$output" == "condolock: error: K was not run: $broke"* ]]
  run -69 "$CONDOLOCK" status K
  [[ "$output" == "condolock: error: $broke"* ]]
  run -69 "$CONDOLOCK" --url "$PROXY_TCP" run --key K -- touch ran
  [[ "$output" == "condolock: error: K was not run: the connection to ${PROXY_TCP#redis://} broke: "* ]]
  run -75 "$CONDOLOCK" run --key K --on-unreachable skip -- touch ran
  [ ! -e ran ]
  "$CONDOLOCK" run --key K --wait 60 -- touch ran 2>said 3>&- &
  waiter=$!
  wait_for test -s said
  server c
  wait "$waiter"
  [ -e ran ]
  [ "$(grep -c '' said)" -eq 1 ]
  [[ "$(<said)" == *"K is waiting, and retries for another "*": $broke"* ]]
}

@test "haproxy closes idle connections after 1 s: a run is renewed and recorded, a waiter gets its turn, and nothing is said" {
  server d
  start_haproxy 1s d
  wait_for sees d UP
  mkfifo hold
  "$CONDOLOCK" run --key K --lease 30s -- cat hold 2>said 3>&- &
  run=$!
  wait_for holds d K
  "$CONDOLOCK" run --key K --wait 60 -- touch waited 2>waiter 3>&- &
  waiter=$!
  first=$(of d K h_until)
  # Every renewal, five seconds after the last, finds its connection closed.
  renewed_twice() { (($(of d K h_until) > first + 7000)); }
  wait_for renewed_twice
  : >hold
  wait "$run"
  wait "$waiter"
  [ -e waited ]
  [ ! -s said ]
  [ ! -s waiter ]
}

@test "connections that are killed again and again: a run is renewed and recorded, and a waiter gets its turn" {
  server e
  at_e="unix://$REDIS_DIR/e.sock"
  mkfifo hold
  "$CONDOLOCK" run --url "$at_e" --key K --lease 12s -- cat hold 2>said 3>&- &
  run=$!
  wait_for holds e K
  "$CONDOLOCK" run --url "$at_e" --key K --wait 60 -- touch waited 2>waiter 3>&- &
  waiter=$!
  first=$(of e K h_until)
  # Until the lease has been renewed after its first end.
  renewed() { kill_all e; (($(of e K h_until) > first + 12000)); }
  wait_for renewed
  kill_all e
  : >hold
  # The end is recorded and the waiter starts, while connections are still killed.
  both_gone() { kill_all e; gone "$run" && gone "$waiter"; }
  wait_for both_gone
  wait "$run"
  wait "$waiter"
  [ -e waited ]
  [ "$(of e K runs)" = 2 ]
  [ "$(grep -c ' is waiting' waiter)" -le 1 ]
}

@test "a server that closes idle connections: a run is renewed and recorded, a waiter gets its turn, and nothing is said" {
  server f --timeout 1
  at_f="unix://$REDIS_DIR/f.sock"
  mkfifo hold
  "$CONDOLOCK" run --url "$at_f" --key K --lease 30s -- cat hold 2>said 3>&- &
  run=$!
  wait_for holds f K
  "$CONDOLOCK" run --url "$at_f" --key K --wait 60 -- touch waited 2>waiter 3>&- &
  waiter=$!
  # The waiter for a condition does not sleep in the server.
  to f HSET '{condolock}:job:C' v 1 ok_start 1 ok_end "$(($(to f TIME | head -1) * 1000))" >/dev/null
  "$CONDOLOCK" run --url "$at_f" --key C --min-time 4s --wait 60 -- touch due 2>condition 3>&- &
  condition=$!
  # Only what sleeps in the server is still connected. (One more is this test's own.)
  closed() { [ "$(to f CLIENT LIST TYPE normal | grep -c '')" -eq 2 ] && asleep f 1; }
  wait_for closed
  first=$(of f K h_until)
  renewed() { (($(of f K h_until) > first)); }
  wait_for renewed
  wait "$condition"
  [ -e due ]
  wait_for closed
  : >hold
  wait "$run"
  wait "$waiter"
  [ -e waited ]
  [ ! -s said ]
  [ ! -s waiter ]
  [ ! -s condition ]
}

@test "a run whose connection breaks while the server accepts no more clients goes on if a place is free within the lease" {
  server g
  mkfifo hold orders
  "$CONDOLOCK" run --url "unix://$REDIS_DIR/g.sock" --key K --lease 30s -- cat hold 2>said 3>&- &
  run=$!
  wait_for holds g K
  first=$(of g K h_until)
  # An operator who is connected already.
  redis-cli -s "$REDIS_DIR/g.sock" <orders >/dev/null 3>&- &
  operator=$!
  exec 9>orders
  printf 'CLIENT KILL TYPE normal SKIPME yes\nCONFIG SET maxclients 1\n' >&9
  wait_for grep -q 'its last reply: ERR max number of clients reached' said
  echo 'CONFIG SET maxclients 100' >&9
  renewed() { (($(of g K h_until) > first)); }
  wait_for renewed
  exec 9>&-
  wait "$operator"
  : >hold
  wait "$run"
  [ "$(of g K outcome)" = success ]
  [ "$(grep -c '' said)" -eq 1 ]
}

@test "a server that has renamed a command: 76 names the command and where it is hidden, and no command is run" {
  for command in EVALSHA EVAL TIME HMGET LPUSH; do
    server "no$command" --rename-command "$command" ''
    export CONDOLOCK_URL="unix://$REDIS_DIR/no$command.sock"
    run -76 "$CONDOLOCK" run --key K -- touch ran
    [[ "$output" == *"this server has no $command: see rename-command"* ]] || { echo "$output"; return 1; }
    run -76 "$CONDOLOCK" run --wait 60 --on-unreachable run --key K -- touch ran
    [ "$(to "no$command" KEYS '{condolock}:[ijs]*')" = '' ] # index, job, spare and others
  done
  [ ! -e ran ]
}

@test "thirty waiters whose connections are all killed: each asks once more, and gets its turn" {
  server h
  at_h="unix://$REDIS_DIR/h.sock"
  mkfifo hold
  "$CONDOLOCK" run --url "$at_h" --key K --lease 10m -- cat hold 3>&- &
  run=$!
  wait_for holds h K
  for i in $(seq 30); do
    "$CONDOLOCK" run --url "$at_h" --key K --wait 100 -- touch "ran.$i" 2>>said 3>&- &
    waiters[i]=$!
  done
  wait_for asleep h 30
  to h CONFIG RESETSTAT >/dev/null
  kill_all h
  wait_for asleep h 30
  # Each has asked once more, and was sent back to sleep.
  asked=$(to h INFO commandstats | sed -nE 's/^cmdstat_evalsha:calls=([0-9]+),.*/\1/p')
  [ "$asked" -eq 30 ] || { echo "$asked requests"; return 1; }
  : >hold
  wait "$run"
  for i in $(seq 30); do wait "${waiters[i]}"; done
  [ "$(find . -name 'ran.*' | wc -l)" -eq 30 ]
  [ "$(of h K runs)" = 31 ]
  [ ! -s said ]
}
