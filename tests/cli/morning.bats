load helper

# docs/morning.md: two machines with real crons, from the evening to the next morning. cron looks once a minute, and the
# test needs three of these minutes. MORNING_UPDATE=1 writes the output of the commands into the page.

setup_file() {
  REDIS_DIR=$(mktemp -d "${BATS_TMPDIR:-/tmp}/condolock-cli-XXXXXX")
  export REDIS_DIR
  start_redis "$REDIS_DIR/redis.sock" "$REDIS_DIR/pid" --appendonly yes
}

page() { echo "$SOURCE_DIR/docs/morning.md"; }
block() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^[^ ]/ { exit } on' "$(page)" | sed 's/^    //' | sed 1d | sed '${/^$/d;}'; }

# Becomes process 1 of a machine: MACHINE REDIS. It has its own /etc, /dev, /run, /srv and logs. Its /usr/sbin has only cron,
# the program by which PAM checks accounts (as of Debian 13), and the one that takes its mail.
# shellcheck disable=SC2016  # for sh
machine='set -e
hostname "$1"
cd "$1"
mount --make-rprivate / 2>/dev/null || :
mkdir dev etc log mail run sbin srv tabs
cp -a /etc/. etc
rm -rf etc/cron* etc/condolock
cp -a conf etc/condolock
cp -a /usr/sbin/cron /usr/sbin/unix_chkpwd sbin
printf "#!/bin/sh\ncat >>/var/mail/ops\n" >sbin/sendmail
chmod +x sbin/sendmail
chgrp crontab tabs
chmod 1730 tabs
for name in null zero full random urandom tty; do : >dev/$name; mount --bind /dev/$name dev/$name; done
perl -MSocket -e '\''socket S, AF_UNIX, SOCK_DGRAM, 0; bind S, pack_sockaddr_un("dev/log") or die; open L, ">>", "log/syslog"; L->autoflush;
  print L s/^<\d+>//r, "\n" while defined recv S, $_, 9999, 0'\'' 3>&- &
until [ -S dev/log ]; do sleep 0.01; done
mount -t tmpfs none run
: >run/redis.sock
mount --bind "$2" run/redis.sock
mount --bind ../srv srv
mount --rbind dev /dev
for pair in etc:/etc run:/run sbin:/usr/sbin srv:/srv local:/usr/local mail:/var/mail log:/var/log tabs:/var/spool/cron/crontabs; do
  mount --rbind "${pair%%:*}" "${pair#*:}"
done
crontab tab # before cron starts: cron overlooks a change within the same second as its last look
exec cron -f -L 15'

# boot NAME: starts the machine and stops it again. Its cron is process 1 of its namespaces, and cron_NAME here.
boot() {
  mkdir "$1" "$1/conf" "$1/local"
  echo 'url = "unix:///run/redis.sock"' >"$1/conf/config.toml"
  block 'file: crontab' >"$1/tab"
  # cron names the character set of its locale in each mail.
  LC_ALL=C.UTF-8 unshare --mount --propagation unchanged --pid --uts --fork --kill-child --mount-proc sh -c "$machine" sh "$1" "$REDIS_DIR/redis.sock" >"$1/boot" 2>&1 3>&- &
  local outer=$!
  is_up() { grep -qs 'Running @reboot jobs' "$1/log/syslog"; }
  wait_for is_up "$1" || { cat "$1/boot"; return 1; }
  declare -g "cron_$1=$(pgrep -P "$outer")"
  kill -STOP "$(pgrep -P "$outer")"
}

# on NAME COMMAND...: runs a shell line on that machine.
on() {
  local pid=cron_$1
  nsenter --target "${!pid}" --all env -i TZ=UTC0 HOME=/root PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8 NO_COLOR=1 COLUMNS=110 "${@:2}"
}

# The same on a terminal, as if a user typed it.
typed() { SHELL=/bin/bash script -qec "$(printf '%q ' on "$1" sh -c "$2")" /dev/null </dev/null | tr -d '\r'; }

within() {
  local until=$((SECONDS + $1))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS <= until)) || { echo "in vain: ${*:2}" >&2; return 1; }
    sleep 0.1
  done
}

# tick FIRST SECOND NUMBER: the next minute begins. FIRST starts the two jobs, and SECOND asks while sync runs on FIRST.
tick() {
  local second=cron_$2
  kill -STOP "${!second}"
  rm -f srv/go
  failed_again() { [ "$(job report failures_in_a_row)" = "$1" ]; }
  within 75 held sync
  within 20 failed_again "$3"
  kill -CONT "${!second}"
  both_skipped() { [ "$(job sync skips)" = 1 ] && [ "$(job report skips)" = 1 ]; }
  within 20 both_skipped
  : >srv/go
  idle() { ! held sync; }
  within 20 idle
}

# The encoding that cron names depends on its version.
normal() {
  sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}/TIME/g' -e 's/^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}/TIME/' -e 's/ (UTC|[A-Z]{3,4})\b//g' \
    -e 's/\b([0-9.]+(ms|s|m|h|d))+\b/D/g' -e 's/(pid |fence +|#|\[)[0-9]+/\1N/g' -e 's/[▁▂▃▄▅▆▇█]+/BARS/' -e 's/ +/ /g' -e 's/ $//' \
    -e 's/^(Content-Transfer-Encoding:) .*/\1 ENCODING/'
}

# play NAME: the commands of that transcript must print what the page shows.
play() {
  local line
  block "transcript: $1" | grep -E '^web[12]\$ ' | while IFS= read -r line; do
    echo "$line"
    typed "${line%%\$ *}" "${line#*\$ }"
  done >"played-$1"
  if [ -n "${MORNING_UPDATE:-}" ]; then
    NAME=$1 perl -i -0pe 's/<!-- transcript: $ENV{NAME} -->\n\n\K((    .*)?\n)+?(?=\S)/`sed "s,^.,    &," played-$ENV{NAME}` . "\n"/e' "$(page)"
  fi
  diff <(block "transcript: $1" | normal) <(normal <"played-$1") || { echo "$1 prints:"; cat "played-$1"; return 1; }
}

@test "the page shows what happens from the evening to the next morning" {
  [ "$(id -u)" -eq 0 ]
  export -f on
  mkdir -p srv/bin srv/condolock
  ln -s "$(dirname "$CONDOLOCK")" srv/condolock/build
  printf '#!/bin/sh\nuntil [ -e /srv/go ]; do sleep 0.1; done\n' >srv/bin/sync
  printf '#!/bin/sh\nexit 3\n' >srv/bin/report
  chmod +x srv/bin/*
  # Wait until no minute can begin before both are stopped.
  early() { [ "$(date +%-S)" -lt 20 ]; }
  within 60 early
  boot web1
  boot web2
  export cron_web1 cron_web2
  play install
  # That is the program which all tests are about, and the command which README has.
  for name in web1 web2; do cmp "$CONDOLOCK" "$name/local/bin/condolock"; done
  sed -n '/^## Requirements and installation/,/^## First run/p' "$SOURCE_DIR/README.md" | grep -qx '    sudo cmake --install build'
  play setup
  play doctor
  kill -CONT "$cron_web1"
  tick web1 web2 1
  tick web2 web1 2
  tick web1 web2 3
  wait_for test -s web1/mail/ops
  kill -STOP "$cron_web1" "$cron_web2"
  : >srv/go
  for name in list history skip log mail failed pause resume; do play "$name"; done
  # Every transcript of the page was played.
  [ "$(grep -c '^<!-- transcript: ' "$(page)")" -eq "$(printf '%s\n' played-* | wc -l)" ]
}
