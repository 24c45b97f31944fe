load helper

# The three completions, each in its own real shell. They read --help. The tests compare what the shell offers from it.

setup() {
  start_case
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$CONDOLOCK" "$BATS_TEST_TMPDIR/bin/condolock"
  # The search for keys gets more time than the 300 ms that it has for a user: a busy machine may need it.
  printf '#!/bin/sh\nshift\nexec %s 20 "$@"\n' "$(command -v timeout)" >"$BATS_TEST_TMPDIR/bin/timeout"
  chmod +x "$BATS_TEST_TMPDIR/bin/timeout"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
  export PATH
}

# options_of [COMMAND]: the options in its --help.
options_of() {
  {
    "$CONDOLOCK" "$@" --help | sed '/^Global options/q'
    "$CONDOLOCK" --help
  } | sed -nE 's/^  (-[a-zA-Z]), (--[a-z-]+).*/\1\n\2/p; t; s/^  (--[a-z-]+|-[a-zA-Z] ).*/\1/p' | tr -d ' ' | sort -u
}
commands() { "$CONDOLOCK" --help | sed -n '/^Commands:/,/^$/p' | awk '/^  / { print $1 }' | sort; }

# in_SHELL LINE: what that shell offers for the end of the line, one word a line. Fails if the shell could not be asked, so
# that a failure is not taken for an empty offer.
# SOURCE: the line that loads the completion, instead of the file.
breaks=$' \t\n"\'><=;|&(:' # bash's default
in_bash() (
  set -o pipefail
  bash --norc -c '
    eval "$3" || exit
    COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2
    mapfile -t COMP_WORDS < <(perl -e "
      my (\$line, \$breaks) = @ARGV;
      my \$split = join q(), grep { index(\$breaks, \$_) >= 0 } qw(: =);
      my \$break = length \$split ? qr/[\$split]/ : qr/(?!)/;
      my @words;
      while (\$line =~ /\G(?:\s+|(\$break)|((?:\x27[^\x27]*\x27?|\x22[^\x22]*\x22?|(?!\$break)[^\s\x27\x22])+))/gc) {
        push @words, \$1 // \$2 if defined(\$1 // \$2);
      }
      push @words, q() if \$line =~ /\s\$/;
      print qq(\$_\n) for @words" "$1" "$2")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    [ "$COMP_CWORD" -ge 0 ] && declare -F _condolock >/dev/null || exit 1
    _condolock condolock
    [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$1" "${BREAKS-$breaks}" \
    "${SOURCE-source \"\$SOURCE_DIR/completions/condolock.bash\"}" | sort -u
)
in_fish() (
  set -o pipefail
  XDG_CONFIG_HOME=$REDIS_DIR/xdg fish --no-config -c 'eval $argv[2]; or exit 1; complete -C $argv[1]' "$1" \
    "${SOURCE-source \$SOURCE_DIR/completions/condolock.fish}" | cut -f1 | sort -u
)
# Records what the completion adds inside zsh's real line editor.
in_zsh() {
  mkdir -p zsh
  [ -n "${SOURCE-}" ] || cp "$SOURCE_DIR/completions/condolock.zsh" zsh/_condolock
  cat >zsh/.zshrc <<'END'
setopt extended_glob
fpath=($ZDOTDIR $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  local -a offered
  # Some calls only prepare what another call adds.
  if [[ " ${@[1,(i)(-|--)]} " != *' '-[a-zA-Z]#[OAD]' '* ]]; then
    builtin compadd -O offered "$@"
    print -rl -- $offered >>taken
  fi
  builtin compadd "$@"
}
complete-and-tell() { zle complete-word; print -r -- "$_comps[condolock]" >told; }
zle -N complete-and-tell
bindkey '^I' complete-and-tell
precmd() { : >ready; }
END
  printf '%s\n' "${SOURCE-}" >>zsh/.zshrc
  rm -f ready told taken zsh/keys
  mkfifo zsh/keys
  ZDOTDIR=$PWD/zsh TERM=dumb script -qfc 'zsh -d -i' zsh/shown <zsh/keys >/dev/null 2>&1 3>&- &
  local shell=$!
  exec 9>zsh/keys
  wait_for test -e ready || return 1
  printf '%s\t' "$1" >&9
  wait_for test -s told || return 1
  put_down "$shell" # before its keys end: script would pass that end on as a Ctrl-D, which lists the completions
  exec 9>&-
  [ "$(cat told)" = _condolock ] || return 1
  [ ! -e taken ] || grep -v '^$' taken | sort -u
}

# shells FUNCTION ARGUMENT...: calls it for each shell; it must succeed for all.
shells() {
  local shell
  for shell in bash zsh fish; do
    "$1" "in_$shell" "${@:2}" || { echo "in $shell"; return 1; }
  done
}

# offers WHAT LINE IN_SHELL...: the shell offers exactly these words.
offers() {
  local offered wanted
  offered=$("$1" "$2") || { echo "$1 could not be asked"; return 1; }
  wanted=$(printf '%s' "${3:+$3$'\n'}" | sort -u)
  [ "$offered" = "$wanted" ] || { printf 'behind %s:\n%s\nwanted:\n%s\n' "$2" "$offered" "$wanted"; return 1; }
}
has() { "$1" "$2" | grep -qxF -- "$3" || { echo "behind '$2' there is no '$3'"; return 1; }; }

@test "every command is offered" {
  [ "$(commands | wc -l)" -ge 14 ]
  shells offers 'condolock ' "$(commands)"
  shells offers 'condolock --url unix:///x ' "$(commands)"
  shells offers 'condolock re' $'reset\nresume'
  shells offers 'condolock help ' "$(commands)"
  shells offers 'condolock help re' $'reset\nresume'
  for line in 'help run' version doctor; do for shell in bash fish; do offers in_$shell "condolock $line " ''; done; done
}

@test "every option of every command is offered" {
  [ "$(options_of run | wc -l)" -ge 30 ]
  for command in $(commands); do
    for shell in bash fish; do
      offers in_$shell "condolock $command -" "$(options_of "$command")" || { echo "in $shell"; return 1; }
      offers in_$shell "condolock $command --" "$(options_of "$command" | grep -- ^--)" || { echo "in $shell"; return 1; }
    done
    offers in_zsh "condolock $command --" "$(options_of "$command" | grep -- ^--)"
  done
  offers in_zsh "condolock run -" "$(options_of run)"
  offers in_bash 'condolock -' "$(options_of)"
  offers in_fish 'condolock -' "$(options_of)"
}

@test "fixed values are offered, and no values for free text" {
  shells offers 'condolock run --color ' $'always\nauto\nnever'
  shells offers 'condolock run --wait ' forever
  shells offers 'condolock run -w ' forever
  shells offers 'condolock run --on-unreachable ' $'fail\nrun\nskip'
  shells offers 'condolock run --min-time-from ' $'end\nstart'
  "$CONDOLOCK" touch sync
  shells offers 'condolock run --min-time ' ''
  shells offers 'condolock --namespace ' ''
  for option in -k --kill-after -E --skip-code --lease; do shells offers "condolock run $option " ''; done
  for option in -u --url --user; do shells offers "condolock $option " ''; done
  offers in_bash 'condolock run --color=' $'always\nauto\nnever'
  offers in_bash 'condolock run --color=a' $'always\nauto'
  offers in_fish 'condolock run --color=a' $'--color=always\n--color=auto'
  offers in_zsh 'condolock run --color=a' $'always\nauto'
  echo secret >password
  shells has 'condolock status --password-file ' password
  shells has 'condolock status --config ' password
}

@test "keys are offered wherever the line can have one" {
  "$CONDOLOCK" touch sync
  "$CONDOLOCK" touch report
  for command in run check touch status list history pause resume unlock reset; do
    shells offers "condolock $command " $'report\nsync' || { echo "$command"; return 1; }
  done
  for option in --key --after --not-running; do shells offers "condolock run $option " $'report\nsync'; done
  shells offers 'condolock run --key s' sync
  shells offers 'condolock unlock report s' sync
  offers in_bash 'condolock run --key=s' sync
  offers in_fish 'condolock run --key=s' --key=sync
  offers in_zsh 'condolock run --key=s' sync
  offers in_bash 'condolock run --accessed-prior ' $'report:\nsync:'
  offers in_fish 'condolock run --accessed-prior ' $'report:\nsync:'
}

@test "keys come from the server and the namespace in the line" {
  "$CONDOLOCK" touch here
  "$CONDOLOCK" touch --namespace other there
  shells offers 'condolock --namespace other status ' there
  shells offers 'condolock status --namespace other ' there
  shells offers 'condolock status --namespace=other ' there
  shells offers "condolock status --url unix://$REDIS_DIR/nobody.sock " ''
}

@test "text of the line is never executed, and reaches the server unchanged" {
  "$CONDOLOCK" --url "$CONDOLOCK_URL?db=3" touch three
  for shell in bash zsh fish; do
    in_$shell "condolock --namespace '\$(touch $PWD/executed)' status x" >/dev/null
    in_$shell "condolock --url '\`touch $PWD/executed\`' status x" >/dev/null
    offers in_$shell "condolock --url '$CONDOLOCK_URL?db=3' status t" three || { echo "in $shell"; return 1; }
    offers in_$shell "condolock --url \"$CONDOLOCK_URL?db=3\" status t" three || { echo "in $shell"; return 1; }
  done
  [ ! -e executed ]
}

@test "bash: only the part that bash replaces is offered, whatever it breaks words at" {
  "$CONDOLOCK" touch a:b
  BREAKS=$' \t\n"\'><=;|&(:' offers in_bash 'condolock status a:' b
  BREAKS=$' \t\n"\'><=;|&(' offers in_bash 'condolock status a:' a:b
  BREAKS=$' \t\n"\'><;|&(:' offers in_bash 'condolock run --color=al' --color=always
  BREAKS=$' \t\n"\'><;|&(' offers in_bash 'condolock run --key=a:' --key=a:b
  BREAKS=$' \t\n"\'><=;|&(' offers in_bash 'condolock run --key=a:' a:b
}

@test "keys with characters special to the shell are quoted" {
  "$CONDOLOCK" touch 'a:b c'
  "$CONDOLOCK" touch "it's"
  "$CONDOLOCK" touch $'\xff\x1b[31m'
  "$CONDOLOCK" touch 'back\slash'
  offers in_bash 'condolock status ' $'a:b\\ c\nit\\\'s'
  offers in_bash 'condolock status a:' 'b\ c'
  offers in_bash "condolock status i" "it\\'s"
  offers in_fish 'condolock status ' $'a:b c\nit\'s'
  offers in_zsh 'condolock status ' $'a:b c\nit\'s'
}

@test "without a server, or with a hanging one, nothing is offered, and soon" {
  rm bin/timeout
  start_redis "$REDIS_DIR/stuck.sock" "$REDIS_DIR/stuck.pid"
  kill -STOP "$(cat "$REDIS_DIR/stuck.pid")"
  export CONDOLOCK_REDIS_TIMEOUT=60s
  for socket in nobody stuck; do
    export CONDOLOCK_URL=unix://$REDIS_DIR/$socket.sock
    for shell in bash fish; do
      began=$(date +%s%N)
      run -0 --separate-stderr in_$shell 'condolock status '
      took=$((($(date +%s%N) - began) / 1000000))
      [ "$output" = '' ]
      [ "$stderr" = '' ]
      [ "$took" -lt 30000 ] # the search for keys gives up after 300 ms
    done
    offers in_zsh 'condolock status ' ''
  done
  expect_code 124 timeout 0.3 "$CONDOLOCK" list --plain
}

@test "completion: the shells, and what it prints is the file, whatever is configured" {
  shells offers 'condolock completion ' $'bash\nfish\nzsh'
  shells offers 'condolock completion z' zsh
  for shell in bash fish; do offers in_$shell 'condolock completion bash ' ''; done
  export CONDOLOCK_URL=nonsense CONDOLOCK_CONFIG=$PWD/broken
  echo '= broken' >broken
  for shell in bash zsh fish; do
    for line in "completion $shell" "completion -- $shell" "--config broken completion $shell" "completion -q $shell"; do
      "$CONDOLOCK" $line >printed
      cmp printed "$SOURCE_DIR/completions/condolock.$shell"
    done
  done
}

@test "completion: what it prints completes, evaluated as the help says" {
  "$CONDOLOCK" completion --help >help
  in_rc() { sed -nE "s|^  (.*[^ ]) +in ~/$1.*|\1|p" help; }
  [ "$(in_rc .bashrc)" = 'source <(condolock completion bash)' ]
  [ "$(in_rc .zshrc)" = 'source <(condolock completion zsh)' ]
  [ "$(in_rc .config)" = 'condolock completion fish | source' ]
  SOURCE=$(in_rc .bashrc) offers in_bash 'condolock re' $'reset\nresume'
  SOURCE='eval "$(condolock completion bash)"' offers in_bash 'condolock re' $'reset\nresume'
  SOURCE=$(in_rc .zshrc) offers in_zsh 'condolock re' $'reset\nresume'
  SOURCE=$(in_rc .config) offers in_fish 'condolock re' $'reset\nresume'
}

@test "after the -- the command's own completion is used" {
  mkdir there
  : >there/some-file
  shells has 'condolock run --key K -- ech' echo
  shells has 'condolock run --key K -- gre' grep
  shells has 'condolock --namespace other run --key K --min-time 5m -- gre' grep
  has in_bash 'condolock run --key K -- cat there/' there/some-file
  has in_zsh 'condolock run --key K -- cat there/' some-file
  has in_fish 'condolock run --key K -- cat there/' there/some-file
  offers in_bash 'condolock run --key K -- cmd --ke' ''
  offers in_bash 'condolock run --key K -- cat gre' ''
  has in_zsh 'condolock run --key K -- ls --colo' --color
  has in_zsh 'condolock run --key K -- env gre' grep
  XDG_CONFIG_HOME=$REDIS_DIR/xdg run -0 fish --no-config -c 'source $SOURCE_DIR/completions/condolock.fish; complete -c child -xa "first second"
    complete -C "condolock run --key K -- child fi"'
  [ "$output" = first ]
}

@test "bash, interactive: the completed line runs with the right key" {
  "$CONDOLOCK" touch 'a:b'
  mkfifo keys
  TERM=dumb script -qfc 'bash --norc --noprofile -i' shown <keys >/dev/null 2>&1 3>&- &
  exec 9>keys
  printf 'PS1=; source "$SOURCE_DIR/completions/condolock.bash"; echo "pty"-ready\n' >&9
  wait_for grep -q pty-ready shown
  printf 'condolock run --rec\t5 --ke\ta:\t-- ech\t"it"-ran\n' >&9
  wait_for grep -q 'it-ran' shown
  exec 9>&-
  [ "$(job 'a:b' runs)" = 2 ]
}

@test "bash, interactive, with bash-completion: after the -- the command's own completion is used" {
  : >'some file'
  mkfifo keys
  TERM=dumb script -qfc 'bash --norc --noprofile -i' shown <keys >/dev/null 2>&1 3>&- &
  exec 9>keys
  printf 'PS1=; . /usr/share/bash-completion/bash_completion; source "$SOURCE_DIR/completions/condolock.bash"; echo "pty"-ready\n' >&9
  wait_for grep -q pty-ready shown
  printf '_child() { COMPREPLY=(only-"for"-child); }; complete -F _child child; child() { echo "got"-$1 >>said; }; export -f child\n' >&9
  printf 'condolock run --key=a:b -- ls so\t >>said; condolock run --key K -- child \t; echo "it"-ran\n' >&9
  wait_for grep -q 'it-ran' shown
  exec 9>&-
  grep -qx 'some file' said
  grep -q 'child only-for-child' shown
}
