load helper

# doctor: for each cause that makes runs impossible, it exits with 2, names the cause, and says what to do.

# server NAME [OPTION...]: a server with a socket NAME.sock; CONDOLOCK_URL names it.
server() {
  local name=$1
  shift
  start_redis "$REDIS_DIR/$name.sock" "$REDIS_DIR/$name.pid" "$@"
  wait_for to "$name" PING # it binds the socket before it listens
  at "$name"
}

at() { export CONDOLOCK_URL=unix://$REDIS_DIR/$1.sock; }

# to NAME COMMAND...: redis-cli for that server.
to() { redis-cli -s "$REDIS_DIR/$1.sock" "${@:2}"; }

# finds CHECK TEXT ADVICE [ARG...]: doctor exits with 2. It prints an error of that check with the text, and advice with that
# text. The last line must agree.
finds() {
  local check=$1 text=$2 advice=$3
  shift 3
  run "$CONDOLOCK" doctor "$@"
  echo "$output"
  [ "$status" -eq 2 ]
  awk -v check="$check" -v text="$text" -v advice="$advice" '
    $1 == "error" && index($0, check) && index($0, text) { seen = 1; next }
    seen && index($0, "-> ") && index($0, advice) { found = 1 }
    { seen = 0 }
    END { exit !found }' <<<"$output"
  [[ "${lines[-1]}" =~ ^[0-9]+' error'.*': runs cannot work'$ ]]
}

# fake TEXT: a server that answers every connection with that text and closes it. CONDOLOCK_URL names it.
fake() {
  # shellcheck disable=SC2016  # for perl
  perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0; bind $s, pack_sockaddr_un(shift) or die; listen $s, 9;
    while (accept my $c, $s) { sysread $c, my $in, 9999; syswrite $c, $ARGV[0]; close $c }' "$PWD/fake.sock" "$1" 3>&- &
  FAKE=$!
  wait_for test -S fake.sock
  export CONDOLOCK_URL=unix://$PWD/fake.sock
}

end_fake() {
  put_down "$FAKE"
  rm fake.sock
}

@test "doctor finds a server that is not listening, a missing socket, an unknown name and a silent address" {
  finds reachable 'Connection refused' 'start the server' --url redis://127.0.0.1:1
  finds reachable 'No such file' 'start the server' --url "unix://$PWD/none.sock"
  finds reachable 'cannot resolve the host no.invalid' 'correct the host' --url redis://no.invalid --redis-timeout 2s
  server stopped
  kill -STOP "$(cat "$REDIS_DIR/stopped.pid")"
  finds reachable 'no answer' 'whether the server hangs' --redis-timeout 200ms
  kill -CONT "$(cat "$REDIS_DIR/stopped.pid")"
}

@test "doctor finds a wrong password, a missing one, a disabled user and a missing database" {
  server secret --requirepass pw
  finds reachable 'WRONGPASS' 'give the right user and password' --url "unix://:wrong@$REDIS_DIR/secret.sock"
  finds reachable 'NOAUTH' 'give the right user and password'
  redis ACL SETUSER off off '>pw' '~*' +@all >/dev/null
  finds reachable 'WRONGPASS' 'give the right user and password' --url "unix://off:pw@$REDIS_DIR/redis.sock"
  finds reachable 'DB index is out of range' 'use an existing database' --url "unix://$REDIS_DIR/redis.sock?db=99"
}

@test "doctor finds that EVAL, EVALSHA or a command of a script is disabled on the server" {
  for command in EVAL EVALSHA HSET ZADD TYPE; do
    server "no$command" --rename-command "$command" ''
    finds 'trial run' 'nknown' 'enable the command on the server'
    [ "$(to "no$command" DBSIZE)" = 0 ]
  done
}

@test "doctor finds each command that ACL refuses to a script or a wait, even if the user may not ask" {
  commands=$(sed -n 's/^ *ACL SETUSER condolock on >PASSWORD ~[^ ]* \(.*\)$/\1/p' "$SOURCE_DIR/README.md" | sed -E 's/ \+(select|wait)//g')
  [ "$(wc -w <<<"$commands")" -ge 20 ]
  export CONDOLOCK_USER=job CONDOLOCK_PASSWORD=pw
  for command in $commands; do
    name=${command#+}
    for acl in +acl -acl; do
      redis ACL SETUSER job reset on '>pw' '~{condolock}:*' +@all "-$name" "$acl" >/dev/null
      run -2 "$CONDOLOCK" doctor
      grep -qE "^error .*(lacks: ${name^^}|the '$name' command)" <<<"$output" || { echo "$command $acl: $output"; return 1; }
    done
  done
  redis ACL SETUSER job reset on '>pw' '~{other}:*' +@all -acl >/dev/null
  finds 'trial run' 'NOPERM' 'README lists'
  [ "$(redis DBSIZE)" = 0 ]
}

@test "doctor finds a server that refuses writes: MISCONF, OOM, NOREPLICAS, a replica" {
  server full --dbfilename full.rdb # no other server reads this file
  to full CONFIG SET save '900 1'
  mkdir "$REDIS_DIR/full.rdb" "$REDIS_DIR/full.rdb/x"
  to full SET a b
  to full BGSAVE
  wait_for sh -c "redis-cli -s '$REDIS_DIR/full.sock' INFO persistence | grep -q 'last_bgsave_status:err'"
  finds 'trial run' 'MISCONF' 'free space'
  [[ "$output" == *'error'*'disk '* ]]
  rm -r "$REDIS_DIR/full.rdb"
  server other
  to other CONFIG SET maxmemory 1
  finds 'trial run' 'OOM' "raise the server's maxmemory"
  to other CONFIG SET maxmemory 0 min-replicas-to-write 1
  finds 'trial run' 'NOREPLICAS' 'bring the replicas back'
  to other CONFIG SET min-replicas-to-write 0
  to other REPLICAOF 127.0.0.1 1
  finds role 'a replica' 'use the URL of the primary: 127.0.0.1:1'
  to other CONFIG SET replica-serve-stale-data no
  finds reachable 'MASTERDOWN' 'use the URL of the primary' --redis-timeout 2s
}

@test "doctor finds a server that is busy or paused, or that accepts no more clients" {
  server busy --lua-time-limit 10
  to busy EVAL 'while true do end' 0 3>&- &
  wait_for sh -c "redis-cli -s '$REDIS_DIR/busy.sock' PING | grep -q BUSY"
  finds reachable 'BUSY' 'SCRIPT KILL' --redis-timeout 2s
  to busy SCRIPT KILL
  wait_for sh -c "redis-cli -s '$REDIS_DIR/busy.sock' PING | grep -q PONG"
  to busy CLIENT PAUSE 20000 WRITE
  finds 'trial run' 'failed: no answer' 'the server hangs' --redis-timeout 2s
  to busy CLIENT UNPAUSE
  to busy BLPOP nothing 60 >blpop 2>&1 3>&- &
  blocker=$!
  wait_for sh -c "redis-cli -s '$REDIS_DIR/busy.sock' CLIENT LIST | grep -q ' flags=b'"
  to busy CONFIG SET maxclients 1
  finds reachable 'max number of clients' "raise the server's maxclients" --redis-timeout 2s
  put_down "$blocker"
}

@test "doctor finds a Sentinel, a Cluster that is down, and a Cluster node without the slot" {
  echo 'sentinel monitor m 127.0.0.1 7999 1' >sentinel.conf
  redis-server sentinel.conf --sentinel --port 0 --unixsocket "$REDIS_DIR/sentinel.sock" 3>&- >/dev/null &
  echo $! >"$REDIS_DIR/sentinel.pid"
  wait_for to sentinel PING
  at sentinel
  finds role 'a Sentinel' 'write redis+sentinel:// and the name of a primary that it watches: m'
  [[ "${lines[0]}" =~ ^"$REDIS_DIR/sentinel.sock, database 0: "(Redis|Valkey)' '[0-9.]+', sentinel'$ ]]

  server node --cluster-enabled yes --cluster-config-file "$REDIS_DIR/nodes.conf"
  finds 'trial run' 'CLUSTERDOWN' 'repair the Cluster' --redis-timeout 2s
  finds reachable 'SELECT is not allowed in cluster mode' 'use an existing database' --url "unix://$REDIS_DIR/node.sock?db=1"
  to node CLUSTER ADDSLOTSRANGE 0 16383
  wait_for sh -c "redis-cli -s '$REDIS_DIR/node.sock' CLUSTER INFO | grep -q cluster_state:ok"
  expect_code 1 "$CONDOLOCK" doctor # this node has all slots
  end_of_moved='MOVED 5061 10.0.0.2:7001'
  fake "-$end_of_moved"$'\r\n'
  finds reachable "$end_of_moved" 'write redis+cluster:// in the URL'
}

@test "doctor finds TLS, HTTP and SSH on the port, and a server that loads, is protected, or closes the connection" {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=localhost 2>/dev/null
  for port in 17381 17382 17383; do
    redis-server --port 0 --tls-port $port --bind 127.0.0.1 --tls-cert-file cert.pem --tls-key-file key.pem --tls-ca-cert-file cert.pem \
      --save '' --unixsocket "$REDIS_DIR/tls.sock" 3>&- >tls.log &
    echo $! >"$REDIS_DIR/tls.pid"
    wait_for sh -c "test -S '$REDIS_DIR/tls.sock' || grep -q 'Failed listening' tls.log"
    [ ! -S "$REDIS_DIR/tls.sock" ] || break
  done
  finds reachable '127.0.0.1' 'TLS' --url "redis://127.0.0.1:$port"
  fake $'\x15\x03\x01\x00\x02\x02\x46' # a TLS alert
  finds reachable 'not the Redis protocol' 'TLS'
  end_fake
  for greeting in $'HTTP/1.1 400 Bad Request\r\n\r\n' $'SSH-2.0-OpenSSH_9.2\r\n' $'220 mail ESMTP\r\n'; do
    fake "$greeting"
    finds reachable 'not the Redis protocol' 'another service, or TLS (write rediss://)'
    end_fake
  done
  fake $'-LOADING Redis is loading the dataset in memory\r\n'
  finds reachable 'LOADING' 'wait until the server has loaded' --redis-timeout 2s
  end_fake
  fake $'-DENIED Redis is running in protected mode\r\n'
  finds reachable 'DENIED' 'protected mode'
  end_fake
  fake $'-SOMETHING that nobody knows\r\n'
  finds reachable 'SOMETHING that nobody knows' "read the server's log"
  end_fake
  fake ''
  finds reachable 'closed the connection' 'TLS'
}

@test "an unforeseen fault: the trial run reports the server's error, and leaves nothing behind" {
  redis SET '{condolock}:index' text >/dev/null
  finds 'trial run' '{condolock}:index' 'look at that key'
  redis FLUSHALL >/dev/null
  "$CONDOLOCK" touch K
  redis --raw DUMP '{condolock}:job:K' >before
  redis KEYS '*' | sort >keys
  "$CONDOLOCK" run --key live -- sleep 60 3>&- &
  wait_for held live
  expect_code 1 "$CONDOLOCK" doctor >said
  grep -q '^ok *trial run ' said
  put_down $!
  redis DEL '{condolock}:job:live' '{condolock}:runs:live' >/dev/null
  redis ZREM '{condolock}:index' live >/dev/null
  redis --raw DUMP '{condolock}:job:K' >after
  cmp before after
  redis KEYS '*' | sort | diff keys -
}

@test "the first line names the server, the last line sums up" {
  export CONDOLOCK_URL="unix://$REDIS_DIR/redis.sock?db=3"
  run -1 "$CONDOLOCK" doctor
  [[ "${lines[0]}" =~ ^"$REDIS_DIR/redis.sock, database 3: "(Redis|Valkey)' '[0-9]+\.[0-9.]+', primary'$ ]]
  [ "${lines[-1]}" = '1 warning: runs work' ]
  "$CONDOLOCK" doctor --json >document || [ $? -eq 1 ]
  [ "$(jq -c '[.schema, .engine, .database, .product, .role, .can_run, .summary]' document | sed s/Valkey/Redis/)" = '[1,"redis",3,"Redis","primary",true,"1 warning: runs work"]' ]
  run -2 "$CONDOLOCK" doctor --url redis://127.0.0.1:1
  [ "${lines[0]}" = '127.0.0.1:1/0' ]
  [ "${lines[-1]}" = '1 error: runs cannot work' ]
  "$CONDOLOCK" doctor --json --url redis://127.0.0.1:1 >document || [ $? -eq 2 ]
  [ "$(jq -c '[.schema, .product, .version, .role, .can_run, .summary]' document)" = '[1,null,null,null,false,"1 error: runs cannot work"]' ]
  redis CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru >/dev/null
  run -2 "$CONDOLOCK" doctor
  redis CONFIG SET maxmemory 0 maxmemory-policy noeviction >/dev/null
  [ "${lines[-1]}" = '1 error, 1 warning: runs start, but are not safe' ]
  run "$CONDOLOCK" doctor --url "file:$PWD/state"
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = "$PWD/state" ]
  [ "${lines[-1]}" = 'no problems found: runs work' ]
}

@test "README shows what doctor prints" {
  "$CONDOLOCK" doctor | sed 's/  */ /g' >printed || [ $? -eq 1 ]
  shown=$(sed -n '/^    \$ condolock doctor$/,/^$/p' "$SOURCE_DIR/README.md" | sed 's/^ *//; s/  */ /g' | grep -E '^(ok|warning|->|1 warning)' | grep -v reachable)
  [ "$(wc -l <<<"$shown")" -ge 4 ]
  while IFS= read -r line; do grep -qF -- "$line" printed || { echo "not printed: $line"; return 1; }; done <<<"$shown"
}
