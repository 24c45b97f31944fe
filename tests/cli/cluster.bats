# redis+cluster://: a real Cluster of three primaries and three replicas.

load helper
load topology
first_port=13000

setup() {
  start_case
  start_cluster
  export CONDOLOCK_URL=$url
}

# field KEY NAME: from the record, wherever it is. A node that is gone does not say.
field() {
  local port
  for port in "${ports[@]}"; do
    port=$(keys_are_on "$port" 2>/dev/null | head -1)
    [ -z "$port" ] || { on "$port" HGET "{condolock}:job:$1" "$2" && return; }
  done
}

# migrate FROM TO: the slot of the namespace with all its keys, as redis-cli --cluster reshard does it.
migrate() {
  local from=$1 to=$2 slot keys
  slot=$(on "$from" CLUSTER KEYSLOT '{condolock}')
  on "$to" CLUSTER SETSLOT "$slot" IMPORTING "$(on "$from" CLUSTER MYID)"
  on "$from" CLUSTER SETSLOT "$slot" MIGRATING "$(on "$to" CLUSTER MYID)"
  while mapfile -t keys < <(on "$from" CLUSTER GETKEYSINSLOT "$slot" 10) && [ -n "${keys[0]}" ]; do
    on "$from" MIGRATE 127.0.0.1 "$to" '' 0 1000 KEYS "${keys[@]}"
  done
  on "$to" CLUSTER SETSLOT "$slot" NODE "$(on "$to" CLUSTER MYID)"
  on "$from" CLUSTER SETSLOT "$slot" NODE "$(on "$to" CLUSTER MYID)"
}

@test "cluster: all commands work from any node, also from replicas, and redis:// names the scheme" {
  primary=$(keys_are_on "${ports[0]}")
  names=()
  mapfile -t ports < <(printf '%s\n' "${ports[@]}" | sort)
  for port in "${ports[@]}"; do
    names+=("K$port")
    "$CONDOLOCK" run --url "redis+cluster://127.0.0.1:$port" --key "K$port" --slots 2 -- touch "ran$port"
    [ -e "ran$port" ]
    [ "$(field "K$port" outcome)" = success ]
    [ "$port" != "$primary" ] || continue
    run -78 "$CONDOLOCK" run --url "redis://127.0.0.1:$port" --key K -- touch plain
    [[ "$output" == *"127.0.0.1:$port says: MOVED "*" 127.0.0.1:$primary (it belongs to a Cluster: write redis+cluster:// in the URL)" ]]
    [ ! -e plain ]
  done
  "$CONDOLOCK" touch T
  expect_code 75 "$CONDOLOCK" run --key T --min-time 60 -- true
  "$CONDOLOCK" run --key A --after T --accessed-prior T:60 --not-running T --retry-after 1 --max-failures 3 --max-runs 9/1h -- true
  "$CONDOLOCK" run --key O --once today --history 3 --wait-replicas 1 -- true
  "$CONDOLOCK" pause T
  "$CONDOLOCK" pause --all
  expect_code 75 "$CONDOLOCK" run --key K -- true
  "$CONDOLOCK" resume --all
  "$CONDOLOCK" resume T
  "$CONDOLOCK" status T | grep -q success
  [ "$("$CONDOLOCK" list --plain | sort | tr '\n' ' ')" = "A K ${names[*]} O T " ]
  "$CONDOLOCK" history A | grep -q success
  "$CONDOLOCK" unlock T
  "$CONDOLOCK" reset T --yes
  run "$CONDOLOCK" doctor
  grep -qE "^the Cluster at 127.0.0.1:.*, database 0: (Redis|Valkey) .*, primary$" <<<"$output"
  expect_code 1 grep -qE '^error|cluster' <<<"$output"
  run "$CONDOLOCK" doctor --url "redis://127.0.0.1:$primary"
  grep -qE '^warning +cluster +this server belongs to a Cluster: another node may take over' <<<"$output"
}

@test "cluster: the primary of the namespace dies in mid-run: the run goes on at its replica, and is recorded there" {
  primary=$(keys_are_on "${ports[0]}")
  "$CONDOLOCK" run -v --key K --lease 15s --kill-after 1s -- sh -c 'touch began; until [ -e go ]; do sleep 0.05; done' 2>said 3>&- &
  run=$!
  wait_for test -e began
  fence=$(field K fence)
  kill_on "$primary"
  # This one begins while there is no primary, and waits for it within --redis-timeout.
  expect_code 75 "$CONDOLOCK" run --redis-timeout 15s --key K -- touch second
  outlived_there() { [ "$(field K h_until)" -gt $(($(date +%s%3N) + 13500)) ]; }
  wait_for outlived_there # so it was renewed there
  touch go
  wait "$run"
  [ "$(field K outcome)" = success ]
  [ "$(field K fence)" = "$fence" ]
  [ ! -e second ]
  expect_code 1 grep -q lost said
}

# FAULTS 26.
@test "cluster: the slot moves from node to node: no run is lost, and no two runs overlap" {
  # shellcheck disable=SC2016  # for the command's shell
  work='mkdir busy || touch overlap; echo "$CONDOLOCK_FENCE" >>fences; sleep 0.1; rmdir busy'
  contend() {
    local i code
    for i in $(seq 12); do
      code=0
      "$CONDOLOCK" run --key K --lease 3s --redis-timeout 10s --wait 30s -- sh -c "$work" || code=$?
      [ "$code" -eq 0 ] || echo "$1: $code" >>failed
    done
  }
  "$CONDOLOCK" run --key long --lease 15s -- sh -c 'until [ -e go ]; do sleep 0.05; done' 3>&- &
  long=$!
  contend one 3>&- &
  one=$!
  contend two 3>&- &
  two=$!
  at=$(keys_are_on "${ports[0]}")
  others=()
  for port in "${ports[@]}"; do role_is "$port" master && others+=("$port"); done
  while kill -0 "$one" 2>/dev/null || kill -0 "$two" 2>/dev/null; do
    for next in "${others[@]}"; do
      [ "$next" != "$at" ] || continue
      migrate "$at" "$next" >>migrated
      at=$next
    done
  done
  wait "$one"
  wait "$two"
  touch go
  wait "$long"
  [ ! -e failed ]
  [ ! -e overlap ]
  [ "$(wc -l <fences)" -eq 24 ]
  sort -nuc fences
  [ "$(field K runs)" = 24 ]
  [ "$(field long outcome)" = success ]
  [ "$(grep -c OK migrated)" -gt 20 ]
}

# confine RULE...: on every node, a user who may do nothing else.
confine() {
  local port
  for port in "${ports[@]}"; do on "$port" ACL SETUSER job reset on '>pw' "$@" | grep -qx OK || return; done
}

@test "cluster: a slot that moves: 69 after --redis-timeout, and a run goes on when it has moved, with README's rule" {
  rule=$(sed -n 's/^ *ACL SETUSER condolock on >PASSWORD \(.*\)$/\1/p' "$SOURCE_DIR/README.md")
  # shellcheck disable=SC2086
  confine $rule
  export CONDOLOCK_USER=job CONDOLOCK_PASSWORD=pw
  "$CONDOLOCK" touch K
  "$CONDOLOCK" touch L
  from=$(keys_are_on "${ports[0]}")
  for to in "${ports[@]}"; do [ "$to" = "$from" ] || ! role_is "$to" master || break; done
  slot=$(on "$from" CLUSTER KEYSLOT '{condolock}')
  "$CONDOLOCK" run --key H --lease 20s -- sh -c 'touch began; until [ -e go ]; do sleep 0.05; done' 3>&- &
  run=$!
  wait_for test -e began
  on "$to" CLUSTER SETSLOT "$slot" IMPORTING "$(on "$from" CLUSTER MYID)"
  on "$from" CLUSTER SETSLOT "$slot" MIGRATING "$(on "$to" CLUSTER MYID)"
  on "$from" MIGRATE 127.0.0.1 "$to" '{condolock}:job:K' 0 1000
  run -69 "$CONDOLOCK" run --redis-timeout 2s --key K -- touch ran
  [[ "$output" == *'its last reply: TRYAGAIN'* ]]
  # All keys have moved, but not the slot: one node answers ASK, and the other has not all the keys that a script names.
  mapfile -t keys < <(on "$from" CLUSTER GETKEYSINSLOT "$slot" 100)
  on "$from" MIGRATE 127.0.0.1 "$to" '' 0 1000 KEYS "${keys[@]}"
  run -69 "$CONDOLOCK" run --redis-timeout 2s --key K -- touch ran
  [[ "$output" == *' names 127.0.0.1:'*' again and again: the Cluster may be failing over, or moving the keys'* ]]
  [ ! -e ran ]
  migrate "$from" "$to"
  "$CONDOLOCK" run --key K -- touch ran
  [ -e ran ]
  touch go
  wait "$run"
  [ "$(field H outcome)" = success ]
}

@test "cluster: two servers that belong to no Cluster are refused before anything is written" {
  alone=("$(free_port)" "$(free_port)")
  for port in "${alone[@]}"; do start_on "$port"; done
  for command in 'run --key K -- touch ran' 'touch K' 'check K' 'status K' 'list' 'history K' 'pause K' 'resume K' 'unlock K' 'reset K --yes'; do
    # shellcheck disable=SC2086
    run -78 "$CONDOLOCK" --url "redis+cluster://127.0.0.1:${alone[0]},127.0.0.1:${alone[1]}" $command
    [[ "$output" == *"belongs to no Cluster (for a single server, leave out +cluster in the URL)" ]]
  done
  run -2 "$CONDOLOCK" doctor --url "redis+cluster://127.0.0.1:${alone[0]},127.0.0.1:${alone[1]}"
  [[ "$output" == *"belongs to no Cluster"*"-> name the nodes of one Cluster, or write redis:// for a single server"* ]]
  [ ! -e ran ]
  for port in "${alone[@]}"; do [ "$(on "$port" DBSIZE)" = 0 ]; done
}

@test "cluster: a run that waits is woken, and sleeps through a failover" {
  "$CONDOLOCK" run --key K --lease 30s -- sh -c 'touch began; until [ -e go ]; do sleep 0.05; done' 3>&- &
  run=$!
  wait_for test -e began
  "$CONDOLOCK" run --key K --wait 1m -- touch woken 3>&- &
  waiter=$!
  waits() { [ -n "$(field K waiters_until)" ]; }
  wait_for waits
  primary=$(keys_are_on "${ports[0]}")
  kill_on "$primary"
  taken_over() { for port in "${ports[@]}"; do keys_are_on "$port" 2>/dev/null; done | grep -vx "$primary" | grep -q .; }
  wait_for taken_over
  touch go
  wait "$run"
  wait "$waiter"
  [ -e woken ]
}

@test "cluster: with TLS, the node that MOVED names is checked by its own name" {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext 'subjectAltName = DNS:localhost' 2>/dev/null
  node=$(free_port)
  (cd "$REDIS_DIR/$node" && exec redis-server --port 0 --tls-port "$node" --bind 127.0.0.1 --save '' --tls-auth-clients no \
    --tls-cert-file "$BATS_TEST_TMPDIR/cert.pem" --tls-key-file "$BATS_TEST_TMPDIR/key.pem" --tls-ca-cert-file "$BATS_TEST_TMPDIR/cert.pem" >log 3>&-) &
  echo $! >"$REDIS_DIR/$node/pid"
  wait_for redis-cli -h localhost -p "$node" --tls --cacert cert.pem PING
  # A node that knows only where the keys are. The certificate of the other one has the name localhost, not this address.
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key2.pem -out cert2.pem -days 2 -subj /CN=first \
    -addext 'subjectAltName = IP:127.0.0.1' 2>/dev/null
  cat cert.pem cert2.pem >both.pem
  first=$(free_port)
  for to in "localhost:$node" "127.0.0.1:$node"; do
    openssl s_server -quiet -accept "127.0.0.1:$first" -cert cert2.pem -key key2.pem >asked 2>&1 3>&- \
      < <(
        printf '*2\r\n$4\r\nmode\r\n$7\r\ncluster\r\n'
        until grep -qa EVALSHA asked; do sleep 0.05; done
        printf -- '-MOVED 866 %s\r\n' "$to"
        exec sleep 60
      ) &
    listener=$!
    wait_for eval 'grep -q ":$(printf %04X "$first") " /proc/net/tcp'
    code=0
    "$CONDOLOCK" run --url "rediss+cluster://127.0.0.1:$first" --redis-timeout 10s --tls-cacert both.pem --key K -- touch "ran-${to%:*}" 2>"said-${to%:*}" || code=$?
    put_down "$listener"
  done
  [ -e ran-localhost ]
  [ ! -e ran-127.0.0.1 ]
  [ "$code" -eq 77 ]
  grep -q 'certificate' said-127.0.0.1
}
