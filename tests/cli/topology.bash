# Servers with replicas, Sentinels and Clusters on loopback, for the suites of these. A server is named by its port; its
# directory, its process ID and its log are in $REDIS_DIR/PORT.

setup_file() {
  REDIS_DIR=$(mktemp -d "${BATS_TMPDIR:-/tmp}/condolock-cli-XXXXXX")
  export REDIS_DIR
}
teardown_file() { rm -rf "$REDIS_DIR"; }

# Each test has its own servers.
start_case() {
  clear_environment
  cd "$BATS_TEST_TMPDIR" || return 1
}
setup() { start_case; }
teardown() {
  end_case
  stop_all
  mkdir -p "$REDIS_DIR"
}

# A port that nobody uses, from first_port on: suites that run at the same time have different ones. Cluster nodes also use the port 10,000 above. Both are below those that connections get (32768 on).
free_port() {
  local port
  while :; do
    port=$((first_port + RANDOM % 2000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || (exec 3<>"/dev/tcp/127.0.0.1/$((port + 10000))") 2>/dev/null ||
      [ -e "$REDIS_DIR/$port" ] || break
  done
  mkdir "$REDIS_DIR/$port"
  echo "$port"
}

# start_on PORT [OPTION...]: a server that gives its replicas their data at once.
start_on() {
  local port=$1
  shift
  (
    cd "$REDIS_DIR/$port" || exit
    exec redis-server --port "$port" --bind 127.0.0.1 --save '' --logfile log --repl-diskless-sync-delay 0 "$@" >/dev/null 3>&-
  ) &
  echo $! >"$REDIS_DIR/$port/pid"
  wait_for on "$port" PING
}

# on PORT COMMAND...
on() {
  local port=$1
  shift
  redis-cli -p "$port" "$@"
}

# kill_on PORT: as a machine that is gone.
kill_on() { put_down "$(cat "$REDIS_DIR/$1/pid")"; }
# freeze_on PORT, thaw_on PORT: as a machine that is cut off.
freeze_on() { kill -STOP "$(cat "$REDIS_DIR/$1/pid")"; }
thaw_on() { kill -CONT "$(cat "$REDIS_DIR/$1/pid")"; }

stop_all() {
  local pid
  for pid in "$REDIS_DIR"/*/pid; do put_down "$(cat "$pid")"; done
  rm -rf "$REDIS_DIR"
}

role_is() { on "$1" ROLE | head -1 | grep -qx "$2"; }
has_replicas() { [ "$(on "$1" INFO replication | grep -c 'state=online')" -ge "$2" ]; }

# start_replicated [OPTION...]: a primary and two replicas, in ports[0], ports[1], ports[2].
start_replicated() {
  ports=("$(free_port)" "$(free_port)" "$(free_port)")
  start_on "${ports[0]}" "$@"
  start_on "${ports[1]}" --replicaof 127.0.0.1 "${ports[0]}" "$@"
  start_on "${ports[2]}" --replicaof 127.0.0.1 "${ports[0]}" "$@"
  wait_for has_replicas "${ports[0]}" 2
  wait_for confirm_writes "${ports[0]}" 2
}
# A replica that is online gets the first changes only after its next report, up to a second later.
confirm_writes() { [ "$(printf '%s\n' 'SET {condolock}:warm 1' 'DEL {condolock}:warm' "WAIT $2 1000" | on "$1" | tail -1)" = "$2" ]; }

# start_sentinel PORT PRIMARY [LINE...]: it watches the primary under the name main. LINE: more of its configuration.
start_sentinel() {
  local port=$1 primary=$2
  shift 2
  printf '%s\n' "port $port" "bind 127.0.0.1" "dir $REDIS_DIR/$port" "logfile log" \
    "sentinel monitor main 127.0.0.1 $primary 2" "sentinel down-after-milliseconds main 1500" \
    "sentinel failover-timeout main 3000" "$@" >"$REDIS_DIR/$port/sentinel.conf"
  redis-server "$REDIS_DIR/$port/sentinel.conf" --sentinel >/dev/null 3>&- &
  echo $! >"$REDIS_DIR/$port/pid"
  wait_for on "$port" PING
}

# start_sentinels [LINE...]: three Sentinels for ports[0], in sentinels[0] to sentinels[2], and their URL.
start_sentinels() {
  sentinels=("$(free_port)" "$(free_port)" "$(free_port)")
  local port
  for port in "${sentinels[@]}"; do start_sentinel "$port" "${ports[0]}" "$@"; done
  for port in "${sentinels[@]}"; do wait_for know_each_other "$port"; done
  url="redis+sentinel://127.0.0.1:${sentinels[0]},127.0.0.1:${sentinels[1]},127.0.0.1:${sentinels[2]}/main"
}
know_each_other() { on "$1" INFO sentinel | grep -q 'status=ok,.*,slaves=2,sentinels=3'; }

# The port of the primary, as the first Sentinel that lives says.
named_primary() {
  local port
  for port in "${sentinels[@]}"; do on "$port" --raw SENTINEL GET-MASTER-ADDR-BY-NAME main 2>/dev/null | tail -1 | grep . && return; done
}
# Whether another server than PORT is the primary, and can be written to.
failed_over() {
  local now
  now=$(named_primary) && [ -n "$now" ] && [ "$now" != "$1" ] && role_is "$now" master
}

# start_cluster: three primaries and three replicas, in ports[0] to ports[5], and the URL of the first three.
start_cluster() {
  ports=()
  local i
  for i in 0 1 2 3 4 5; do
    ports+=("$(free_port)")
    start_on "${ports[i]}" --cluster-enabled yes --cluster-node-timeout 1500 "$@"
  done
  redis-cli --cluster create "${ports[@]/#/127.0.0.1:}" --cluster-replicas 1 --cluster-yes >"$REDIS_DIR/created"
  for i in "${ports[@]}"; do wait_for is_whole "$i"; done
  for i in "${ports[@]}"; do wait_for follows "$i"; done
  wait_for confirm_writes "$(keys_are_on "${ports[0]}")" 1
  url="redis+cluster://127.0.0.1:${ports[0]},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}"
}
is_whole() { on "$1" CLUSTER INFO | grep -q cluster_state:ok && [ "$(on "$1" CLUSTER NODES | grep -c ' connected')" = 6 ]; }
follows() { on "$1" INFO replication | grep -qE 'role:master|master_link_status:up'; }

# The port of the primary of the keys of condolock's namespace. PORT: a node to ask.
keys_are_on() { on "$1" CLUSTER NODES | awk -v slot="$(on "$1" CLUSTER KEYSLOT '{condolock}')" '
  $3 ~ /master/ && $3 !~ /fail/ { for (i = 9; i <= NF; i++) { split($i, r, "-"); if (r[1] <= slot && slot <= (r[2] == "" ? r[1] : r[2])) { split($2, a, "[:@]"); print a[2] } } }'; }
