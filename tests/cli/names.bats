load helper

# How the host of a URL becomes an address. Each test has its own network and mount namespace, with a Redis on loopback and
# name servers on port 53. It writes hosts, resolv.conf and nsswitch.conf in its directory.

export NAME_SERVER="${FAULT_PROXY%/*}/name_server"

# inside FUNCTION: calls it in these namespaces.
inside() {
  [ -e hosts ] || echo '127.0.0.1 localhost' >hosts
  [ -e resolv.conf ] || echo 'nameserver 127.0.0.1' >resolv.conf
  [ -e nsswitch.conf ] || echo 'hosts: files dns' >nsswitch.conf
  timeout -s KILL 60 unshare --mount --net --propagation unchanged \
    bash -euo pipefail -c "$(declare -f wait_for prepare serve found "$1"); prepare; $1" 3>&-
}

prepare() {
  trap 'kill -KILL $(jobs -pr) 2>/dev/null || :' EXIT
  mount --make-rprivate / 2>/dev/null || : # in a chroot, / is no mount point
  perl -e 'socket(S, 2, 1, 0) or die; $up = pack "a16 s x22", "lo", 1; ioctl(S, 0x8914, $up) or die' # SIOCSIFFLAGS
  for file in hosts resolv.conf nsswitch.conf; do mount --bind "$file" "/etc/$file"; done
  redis-server --port 6379 --bind 127.0.0.1 ::1 --save '' --logfile "$PWD/redis.log" >/dev/null &
  wait_for redis-cli PING
}

# serve ADDRESS MANNER [NAME=ANSWERS...]: see tests/support/name_server_program.cpp. It logs its questions to the file
# ADDRESS.
serve() {
  "$NAME_SERVER" "$1" "$PWD/$1" "${@:2}" >/dev/null &
  wait_for test -e "$1"
}

# found HOST...: each host must lead to the Redis.
found() {
  local host
  for host in "$@"; do
    "$CONDOLOCK" run --url "redis://$host" --key K -- true || { echo "not found: $host" >&2; return 1; }
  done
}

@test "names in /etc/hosts are found without a name server" {
  # Of two lines with the same name, c-ares 1.34 (Debian 13) uses only the first.
  printf '127.0.0.1 localhost\n127.0.0.1 first second # third\n\t127.0.0.1   tabs\n::1 six\n127.0.0.1 both\n127.0.0.9 both\n' >hosts
  : >resolv.conf
  t() { found localhost first second SECOND tabs six both; }
  inside t
}

@test "names in hosts and DNS are found, whatever nsswitch.conf says" {
  echo '127.0.0.1 named' >hosts
  for line in 'files myhostname dns' 'files myhostname resolve [!UNAVAIL=return] dns' 'mymachines resolve [!UNAVAIL=return] files myhostname dns' \
    'files mdns4_minimal [NOTFOUND=return] dns' 'dns [!UNAVAIL=return] files' 'files ldap' 'files' 'db'; do
    echo "hosts: $line" >nsswitch.conf
    t() { serve 127.0.0.1 answers redis.example=127.0.0.1; found named redis.example; }
    inside t || { echo "$line"; return 1; }
    rm 127.0.0.1
  done
}

@test "resolv.conf: search domains, ndots, options and several servers are used" {
  printf 'search one.example two.example\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.1\noptions ndots:2 timeout:1 rotate edns0\n' >resolv.conf
  t() { # 127.0.0.2 does not listen, and 127.0.0.3 is silent
    serve 127.0.0.3 silent
    serve 127.0.0.1 answers short.two.example=127.0.0.1 a.b.one.example=127.0.0.1 full.example=127.0.0.1 first.one.example=127.0.0.1 first.two.example=127.0.0.9
    found short a.b full.example full.example. first
  }
  inside t
}

@test "resolv.conf: domain works in place of search" {
  printf 'domain one.example\nnameserver 127.0.0.1\n' >resolv.conf
  t() { serve 127.0.0.1 answers short.one.example=127.0.0.1; found short; }
  inside t
}

@test "aliases, answers over TCP, IPv6-only names, and one dead address of two work" {
  for manner in answers truncates; do
    t() {
      serve 127.0.0.1 "$manner" alias.example=target.example target.example=127.0.0.1 six.example=::1 \
        'dead.example=127.0.0.9 127.0.0.1'
      found alias.example six.example dead.example
      grep -q "^$expected" 127.0.0.1
    }
    export manner expected=udp
    [ "$manner" = answers ] || expected=tcp
    inside t
    rm 127.0.0.1
  done
}

# Either c-ares gives up, or --redis-timeout ends first.
unanswered() {
  grep -Eq '^condolock: error: cannot resolve the host some.example: no (answer from a name server within [0-9.]+m?s|name server gave a usable answer)$'
}

@test "a name that is not found is 69, with the reason" {
  t() {
    serve 127.0.0.1 answers empty.example= loose.example=none.example
    for host in none.example empty.example loose.example; do
      code=0
      "$CONDOLOCK" status --url "redis://$host" --redis-timeout 2s K 2>>messages || code=$?
      [ "$code" -eq 69 ]
    done
  }
  inside t
  [ "$(grep -c '^condolock: error: cannot resolve the host [a-z]*\.example: ' messages)" -eq 3 ]
  grep -q 'cannot resolve the host none.example: Domain name not found$' messages
  for manner in fails babbles; do
    rm -f 127.0.0.1
    t() { serve 127.0.0.1 "$manner"; "$CONDOLOCK" status --url redis://some.example K; }
    export manner
    run inside t
    [ "$status" -eq 69 ]
    unanswered <<<"$output" || { echo "$output"; return 1; }
  done
}

@test "a silent name server delays a run by at most --redis-timeout, and does not delay TERM" {
  t() {
    serve 127.0.0.1 silent
    code=0
    "$CONDOLOCK" status --url redis://some.example --redis-timeout 300ms K 2>messages || code=$?
    [ "$code" -eq 69 ]
    code=0
    "$CONDOLOCK" run --url redis://some.example --redis-timeout 300ms --on-unreachable skip --key K -- touch ran || code=$?
    [ "$code" -eq 75 ]
    : >127.0.0.1
    "$CONDOLOCK" run --url redis://some.example --redis-timeout 1h --key K -- touch ran &
    run=$!
    wait_for grep -q some.example 127.0.0.1
    kill -TERM "$run"
    code=0
    wait "$run" || code=$?
    [ "$code" -eq 143 ]
    [ ! -e ran ]
  }
  inside t
  unanswered <messages
}
