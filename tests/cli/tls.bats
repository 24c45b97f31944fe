#!/usr/bin/env bats
# rediss://: real servers with TLS, and certificates that are made here.

load helper

setup_file() {
  REDIS_DIR=$(mktemp -d "${BATS_TMPDIR:-/tmp}/condolock-cli-XXXXXX")
  export REDIS_DIR
  make_certificates
  start_tls tls
  start_tls picky --tls-auth-clients yes
}

# start_tls NAME OPTION...: a server that takes TLS alone, on a free port of loopback: NAME.port. Clients need no certificate.
start_tls() {
  local name=$1 port
  shift
  for port in $(shuf -i 20000-29999 -n 50); do
    redis-server --port 0 --tls-port "$port" --bind 127.0.0.1 --unixsocket "$REDIS_DIR/$name.sock" --save '' --appendonly no \
      --tls-cert-file "$REDIS_DIR/server.crt" --tls-key-file "$REDIS_DIR/server.key" --tls-ca-cert-file "$REDIS_DIR/ca.crt" \
      --tls-auth-clients no "$@" --dir "$REDIS_DIR" --pidfile "$REDIS_DIR/$name.pid" --daemonize yes >/dev/null
    for _ in {1..100}; do
      if redis-cli -s "$REDIS_DIR/$name.sock" PING >/dev/null 2>&1; then echo "$port" >"$REDIS_DIR/$name.port"; return; fi
      sleep 0.02
    done
  done
  return 1
}

setup() {
  start_case
  port=$(cat "$REDIS_DIR/tls.port")
  picky=$(cat "$REDIS_DIR/picky.port")
  redis-cli -s "$REDIS_DIR/tls.sock" FLUSHALL >/dev/null
  export CONDOLOCK_URL=rediss://127.0.0.1:$port
}
start_case() { clear_environment && cd "$BATS_TEST_TMPDIR"; }

# In $REDIS_DIR: ca.crt and ca.key, other.crt of another authority, and server.*, named.*, expired.*, future.*, client.*.
make_certificates() {
  (
    cd "$REDIS_DIR"
    authority ca && authority other
    signed server 'IP:127.0.0.1,DNS:localhost'
    signed named 'DNS:db.example'
    signed client 'DNS:client'
    signed expired 'IP:127.0.0.1' 200101000000Z 200201000000Z
    signed future 'IP:127.0.0.1' 400101000000Z 400201000000Z
    mkdir authorities empty && cp ca.crt authorities && openssl rehash authorities
  )
}
authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -days 30 -subj "/O=condolock tests/CN=$1" 2>/dev/null
}
# signed NAME SUBJECT_ALTERNATIVE_NAMES [FROM TO]: by `ca`.
signed() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
  printf '[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=%s\n' "$2" >ca.cnf
  : >index && echo 1000 >serial && echo 'unique_subject=no' >index.attr
  local from=${3:-$(date -u -d yesterday +%y%m%d%H%M%SZ)} to=${4:-$(date -u -d 'next week' +%y%m%d%H%M%SZ)}
  openssl ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key -in "$1.csr" -out "$1.crt" -startdate "$from" -enddate "$to" 2>/dev/null
}

# A server of openssl itself, for what Redis can't do: speaks NAME's certificate. Its output goes to $PWD/s_server.
openssl_server() {
  local name=$1
  shift
  s_port=
  for s_port in $(shuf -i 20000-29999 -n 50); do
    openssl s_server -accept "127.0.0.1:$s_port" -cert "$REDIS_DIR/$name.crt" -key "$REDIS_DIR/$name.key" "$@" >s_server 2>&1 < <(exec sleep 60) 3>&- &
    s_pid=$!
    for _ in {1..100}; do
      if grep -q ACCEPT s_server; then return; fi
      kill -0 "$s_pid" 2>/dev/null || break
      sleep 0.02
    done
  done
  return 1
}
teardown() { [ -z "${s_pid-}" ] || put_down "$s_pid"; }

refused_by_certificate() { # URL TEXT [OPTION...]
  run -77 --separate-stderr "$CONDOLOCK" run --key K --url "$1" --tls-cacert "$REDIS_DIR/ca.crt" "${@:3}" -- touch ran
  [[ $stderr = *"$2"* ]] || { echo "$stderr"; return 1; }
  [ ! -e ran ]
}

@test "a run over TLS, with an authority in a file, in a directory, and as the system's" {
  run -0 "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/ca.crt" -- true
  run -0 "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/authorities" -- true
  SSL_CERT_FILE=$REDIS_DIR/ca.crt run -0 "$CONDOLOCK" run --key K -- true
  SSL_CERT_DIR=$REDIS_DIR/authorities run -0 "$CONDOLOCK" run --key K -- true
  printf 'url = "rediss://localhost:%s"\ntls-cacert = "%s"\n' "$port" "$REDIS_DIR/ca.crt" >config.toml
  chmod 600 config.toml
  unset CONDOLOCK_URL
  run -0 "$CONDOLOCK" status --config config.toml --json K
  [ "$(redis-cli -s "$REDIS_DIR/tls.sock" HGET '{condolock}:job:K' runs)" = 4 ]
  run -0 "$CONDOLOCK" run --key K --url "valkeys://localhost:$port" --tls-cacert "$REDIS_DIR/ca.crt" -- true
}

@test "every command works over TLS" {
  export SSL_CERT_FILE=$REDIS_DIR/ca.crt
  run -0 "$CONDOLOCK" touch K
  run -75 "$CONDOLOCK" check --key K --min-time 1h
  run -0 "$CONDOLOCK" status K
  run -0 "$CONDOLOCK" list
  run -0 "$CONDOLOCK" history K
  run -0 "$CONDOLOCK" pause K
  run -0 "$CONDOLOCK" resume K
  run -0 "$CONDOLOCK" unlock K
  run -0 "$CONDOLOCK" reset --yes K
  run "$CONDOLOCK" doctor
  [[ $status -le 1 && $output = *"127.0.0.1:$port"* ]]
}

@test "the program keeps its process number, arguments and signals when it turns into the one with TLS" {
  run -0 "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/ca.crt" -- sh -c 'echo $PPID' 'a  b' "c'd"
  "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/ca.crt" -- sh -c 'grep ^Sig[BI] /proc/self/status' >masks 3>&-
  grep '^Sig[BI]' /proc/self/status | diff - masks
  "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/ca.crt" -- sleep 60 3>&- &
  local pid=$!
  wait_for eval '[ "$(redis-cli -s "$REDIS_DIR/tls.sock" HGET "{condolock}:job:K" h_who | cut -d" " -f1)" = '"$pid"' ]'
  kill -TERM "$pid"
  local code=0
  wait "$pid" || code=$?
  [ "$code" -eq 143 ]
}

@test "a waiting run over TLS is woken" {
  export SSL_CERT_FILE=$REDIS_DIR/ca.crt
  "$CONDOLOCK" run --key K -- sh -c 'until [ -e go ]; do sleep 0.02; done' 3>&- &
  wait_for eval '[ -n "$(redis-cli -s "$REDIS_DIR/tls.sock" HGET "{condolock}:job:K" h_token)" ]'
  "$CONDOLOCK" run --key K --wait 60 -- touch second 3>&- &
  local pid=$!
  wait_for eval '[ "$(redis-cli -s "$REDIS_DIR/tls.sock" HGET "{condolock}:job:K" skips)" = 1 ]'
  touch go
  wait "$pid"
  [ -e second ]
}

@test "a server that restarts in mid-run is found again, and the run is recorded" {
  export SSL_CERT_FILE=$REDIS_DIR/ca.crt
  start_tls mortal --appendonly yes --appendfsync always
  mortal=$(cat "$REDIS_DIR/mortal.port")
  "$CONDOLOCK" run --url "rediss://127.0.0.1:$mortal" --key K --lease 20 -- sh -c 'until [ -e go ]; do sleep 0.02; done' 3>&- &
  local pid=$!
  wait_for eval '[ -n "$(redis-cli -s "$REDIS_DIR/mortal.sock" HGET "{condolock}:job:K" h_token)" ]'
  kill -KILL "$(cat "$REDIS_DIR/mortal.pid")"
  sleep 1
  redis-server --port 0 --tls-port "$mortal" --bind 127.0.0.1 --unixsocket "$REDIS_DIR/mortal.sock" --appendonly yes --save '' \
    --tls-cert-file "$REDIS_DIR/server.crt" --tls-key-file "$REDIS_DIR/server.key" --tls-ca-cert-file "$REDIS_DIR/ca.crt" \
    --tls-auth-clients no --dir "$REDIS_DIR" --pidfile "$REDIS_DIR/mortal.pid" --daemonize yes >/dev/null
  wait_for redis-cli -s "$REDIS_DIR/mortal.sock" PING
  lease_end() { redis-cli -s "$REDIS_DIR/mortal.sock" HGET '{condolock}:job:K' h_until; }
  before=$(lease_end)
  renewed() { [ "$(lease_end)" -gt "$before" ]; }
  wait_for renewed
  touch go
  wait "$pid"
  [ "$(redis-cli -s "$REDIS_DIR/mortal.sock" HGET '{condolock}:job:K' outcome)" = success ]
}

@test "a certificate for another name is refused: 77, with both names" {
  openssl_server named
  refused_by_certificate "rediss://127.0.0.1:$s_port" "the server's certificate is for db.example, not for 127.0.0.1"
  refused_by_certificate "rediss://localhost:$s_port" "the server's certificate is for db.example, not for localhost"
  refused_by_certificate "rediss://127.0.0.1:$port" 'the server'"'"'s certificate is for 127.0.0.1, localhost, not for db.example' --tls-sni db.example
}

@test "a certificate of an unknown authority is refused: 77, and says how to name the authority" {
  run -77 --separate-stderr "$CONDOLOCK" run --key K --tls-cacert "$REDIS_DIR/other.crt" -- touch ran
  [[ $stderr = *"the server's certificate is signed by O = condolock tests, CN = ca, which is not among the authorities in $REDIS_DIR/other.crt"* ]]
  run -77 --separate-stderr "$CONDOLOCK" run --key K -- touch ran
  [[ $stderr = *'which is not among the authorities of this system (name its certificate with --tls-cacert)'* ]]
  [ ! -e ran ]
}

@test "a certificate that has expired, or is not valid yet, is refused: 77, with the time" {
  openssl_server expired
  refused_by_certificate "rediss://127.0.0.1:$s_port" "the server's certificate expired at 2020-02-01 00:00:00 UTC"
  put_down "$s_pid"
  openssl_server future
  refused_by_certificate "rediss://127.0.0.1:$s_port" 'is not valid before 2040-01-01 00:00:00 UTC'
}

@test "a server with TLS 1.1 alone is refused: 77" {
  openssl_server server -tls1_1 -cipher DEFAULT@SECLEVEL=0
  run -77 --separate-stderr "$CONDOLOCK" run --key K --url "rediss://127.0.0.1:$s_port" --tls-cacert "$REDIS_DIR/ca.crt" -- true
  [[ $stderr = *'TLS 1.2'* || $stderr = *'refused the TLS handshake'* ]]
}

@test "the name that is asked for is the host, or that of --tls-sni, and never an address" {
  openssl_server server -trace
  run "$CONDOLOCK" status K --redis-timeout 1 --url "rediss://127.0.0.1:$s_port" --tls-cacert "$REDIS_DIR/ca.crt"
  wait_for grep -q ClientHello s_server
  sleep 0.5
  run grep -c server_name s_server
  [ "$output" = 0 ]
  run "$CONDOLOCK" status K --redis-timeout 1 --url "rediss://localhost:$s_port" --tls-cacert "$REDIS_DIR/ca.crt"
  wait_for eval 'grep -A3 server_name s_server | grep -q localhost'
  run "$CONDOLOCK" status K --redis-timeout 1 --url "rediss://127.0.0.1:$s_port" --tls-cacert "$REDIS_DIR/ca.crt" --tls-sni t.example
  wait_for eval 'grep -A3 server_name s_server | grep -q t.example'
}

@test "--tls-insecure checks nothing, and warns on every run" {
  run -0 --separate-stderr "$CONDOLOCK" run --key K --tls-insecure -- true
  [[ $stderr = *"warning: --tls-insecure: the server's certificate is not checked"* ]]
}

@test "a server that wants a certificate gets the client's, or refuses: 77" {
  export CONDOLOCK_URL=rediss://127.0.0.1:$picky SSL_CERT_FILE=$REDIS_DIR/ca.crt
  run -0 "$CONDOLOCK" run --key K --tls-cert "$REDIS_DIR/client.crt" --tls-key "$REDIS_DIR/client.key" -- true
  cat "$REDIS_DIR/client.crt" "$REDIS_DIR/client.key" >both.pem
  run -0 "$CONDOLOCK" run --key K --tls-cert both.pem -- true
  run -77 --separate-stderr "$CONDOLOCK" run --key K -- touch ran
  [[ $stderr = *'--tls-cert'* ]]
  [ ! -e ran ]
}

@test "files that are no certificates or keys are named: 78" {
  echo nonsense >nonsense
  for options in "--tls-cacert missing" "--tls-cacert nonsense" "--tls-cacert $REDIS_DIR/empty" "--tls-cert missing" \
    "--tls-cert nonsense" "--tls-cert $REDIS_DIR/client.crt --tls-key nonsense"; do
    # shellcheck disable=SC2086
    run -78 --separate-stderr "$CONDOLOCK" run --key K $options -- touch ran
    [[ $stderr = *"${options##* }"* ]] || { echo "$options: $stderr"; return 1; }
  done
  run -78 --separate-stderr "$CONDOLOCK" run --key K --tls-cert "$REDIS_DIR/client.crt" --tls-key "$REDIS_DIR/server.key" -- touch ran
  [[ $stderr = *"$REDIS_DIR/server.key does not belong to the certificate in $REDIS_DIR/client.crt"* ]]
  run -78 --separate-stderr "$CONDOLOCK" run --key K --tls-key "$REDIS_DIR/client.key" -- touch ran
  [[ $stderr = *'--tls-key requires --tls-cert'* ]]
  run -64 --separate-stderr "$CONDOLOCK" run --key K --url redis://127.0.0.1 --tls-insecure -- touch ran
  [[ $stderr = *'--tls-insecure needs a URL with TLS'* ]]
  [ ! -e ran ]
}

@test "TLS to a plain port, and the reverse, are said as such" {
  start_redis "$REDIS_DIR/plain.sock" "$REDIS_DIR/plain.pid"
  for plain in $(shuf -i 20000-22999 -n 20); do
    [ "$(redis-cli -s "$REDIS_DIR/plain.sock" CONFIG SET port "$plain")" != OK ] || break
  done
  run -69 --separate-stderr "$CONDOLOCK" run --key K --redis-timeout 2s --url "rediss://127.0.0.1:$plain" -- touch ran
  [[ $stderr = *'(if this is a port without TLS, write redis:// in the URL)'* ]]
  run --separate-stderr "$CONDOLOCK" run --key K --url "redis://127.0.0.1:$port" -- touch ran
  [[ $stderr = *'(if this is a TLS port, write rediss:// in the URL)'* ]]
  [ ! -e ran ]
}

@test "records that arrive at once are all read, though poll() sees only the first" {
  mkfifo answers
  exec 7<>answers
  listens() {
    local socket
    socket=$(awk -v port=":$(printf %04X "$s_port")" '$2 ~ port "$" && $4 == "0A" { print $10 }' /proc/net/tcp)
    [ -n "$socket" ] && ls -l "/proc/$s_pid/fd" | grep -q "socket:.$socket]"
  }
  for s_port in $(shuf -i 20000-29999 -n 50); do
    openssl s_server -quiet -accept "127.0.0.1:$s_port" -cert "$REDIS_DIR/server.crt" -key "$REDIS_DIR/server.key" >asked 2>&1 <answers 3>&- 7>&- &
    s_pid=$!
    wait_for eval 'listens || gone "$s_pid"'
    if listens; then break; fi
  done
  "$CONDOLOCK" touch K --redis-timeout 20 --url "rediss://127.0.0.1:$s_port" --tls-cacert "$REDIS_DIR/ca.crt" 7>&- 3>&- &
  local pid=$!
  wait_for grep -q EVALSHA asked
  kill -STOP "$pid"
  printf '*2\r\n$8\r\nrecorded\r\n' >&7
  sleep 0.3
  printf '$1\r\n0\r\n' >&7
  sleep 0.3
  SECONDS=0
  kill -CONT "$pid"
  wait "$pid"
  ((SECONDS < 15))
  exec 7>&-
}

# alert NUMBER: a server that answers any hello with this fatal alert of TLS.
alert() {
  perl -MIO::Socket::INET -e '
    my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:0", Listen => 5) or die;
    $| = 1;
    print $server->sockport, "\n";
    while (my $client = $server->accept) { sysread $client, my $hello, 4096; syswrite $client, pack("C*", 0x15, 3, 3, 0, 2, 2, $ARGV[0]); close $client }' \
    "$1" >alert.port 3>&- &
  s_pid=$!
  wait_for test -s alert.port
}

@test "an alert of the server is a refusal only if it is about this client: 77, else 69" {
  alert 40 # handshake failure
  run -77 "$CONDOLOCK" run --key K --url "rediss://127.0.0.1:$(cat alert.port)" -- true
  [[ $output = *'--tls-cert'* ]]
  put_down "$s_pid"
  : >alert.port
  alert 80 # internal error, as from a proxy whose server is away
  run -69 "$CONDOLOCK" run --key K --url "rediss://127.0.0.1:$(cat alert.port)" -- true
  [[ $output = *'TLS error: '* ]]
}

@test "without the program that has TLS, the URL is refused, and says which file is missing" {
  cp "$CONDOLOCK" alone
  run -78 --separate-stderr ./alone run --key K -- true
  [[ $stderr = *'the URL needs TLS, which the program condolock-tls does, but there is neither '*"/condolock-tls nor "*"/libexec/condolock/condolock-tls"* ]]
}

@test "the program with TLS is found where it is installed" {
  cmake --install "$BUILD_DIR" --prefix "$PWD" >/dev/null
  [ ! -e bin/condolock-tls ]
  run -0 bin/condolock run --key K --tls-cacert "$REDIS_DIR/ca.crt" -- true
}

@test "a foreign TLS server works: stunnel before a Redis without TLS" {
  start_redis "$REDIS_DIR/behind.sock" "$REDIS_DIR/behind.pid"
  for tunnel in $(shuf -i 20000-29999 -n 20); do
    printf 'foreground=yes\npid=\n[r]\naccept=127.0.0.1:%s\nconnect=%s\ncert=%s\nkey=%s\n' "$tunnel" "$REDIS_DIR/behind.sock" \
      "$REDIS_DIR/server.crt" "$REDIS_DIR/server.key" >stunnel.conf
    stunnel4 stunnel.conf >stunnel.log 2>&1 3>&- &
    s_pid=$!
    wait_for eval 'grep -q "Configuration successful" stunnel.log || ! kill -0 '"$s_pid"
    if kill -0 "$s_pid" 2>/dev/null; then break; fi
  done
  run -0 "$CONDOLOCK" run --url "rediss://127.0.0.1:$tunnel" --tls-cacert "$REDIS_DIR/ca.crt" --key K -- true
  [ "$(redis-cli -s "$REDIS_DIR/behind.sock" HGET '{condolock}:job:K' outcome)" = success ]
}
