load helper

# What is documented is what the program itself holds: --help is printed from its tables, the rest is compared with that.

setup_file() { :; }
teardown_file() { :; }
setup() { :; }

# A command's help names the options of all commands in one paragraph.
options_of() {
  "$CONDOLOCK" $1 --help | sed -nE '/^Every command/,/^$/p; s/^(  (-[a-zA-Z], )?--[a-z-]+).*/\1/p' | grep -oE '\-\-[a-z-]+' | sort -u
}
commands() { "$CONDOLOCK" --help | sed -n '/^Commands:/,/^$/p' | awk '/^  / { print $1 }'; }
exit_codes() { "$CONDOLOCK" --help | sed -n '/^condolock COMMAND --help/,$p' | sed -nE 's/^  ([0-9]+) +(.*)$/\1 \2/p'; }

@test "there is something to compare" {
  [ "$(commands | tr '\n' ' ')" = 'run check touch status pause resume unlock ' ]
  [ "$(options_of run | wc -l)" -ge 20 ]
  [ "$(exit_codes | wc -l)" -ge 14 ]
}

@test "man page: every command, every option, no other" {
  man=$(mandoc -T ascii "$SOURCE_DIR/man/condolock.1" | sed "s/.\x08//g")
  for command in $(commands); do
    grep -qE "condolock +$command " <<<"$man" || { echo "no $command"; return 1; }
  done
  for option in $(for command in $(commands) ''; do options_of "$command"; done | sort -u) --version; do
    grep -qE "(^|[ ,|])$option\b" <<<"$man" || { echo "no $option"; return 1; }
  done
  for option in $(grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' <<<"$man" | grep -oE '\-\-[a-z-]+' | sort -u); do
    [ "$option" = --version ] || for command in $(commands); do options_of "$command"; done | grep -qx -- "$option" || { echo "$option is no option"; return 1; }
  done
}

@test "man page and README: the exit codes, word for word" {
  man=$(mandoc -T ascii -O width=200 "$SOURCE_DIR/man/condolock.1" | sed "s/.\x08//g" | sed -n '/^EXIT STATUS/,/^EXAMPLES/p' | sed -nE 's/^ +([0-9]+) +(.*)$/\1 \2/p')
  [ "$man" = "$(exit_codes)" ]
  readme=$(sed -nE 's/^\| ([0-9]+) \| (.*) \|$/\1 \2/p' "$SOURCE_DIR/README.md")
  [ "$readme" = "$(exit_codes)" ]
}

@test "README: every command, condition and option of run" {
  for command in $(commands); do grep -q "condolock $command " "$SOURCE_DIR/README.md"; done
  for option in $("$CONDOLOCK" run --help | sed -nE '/^Every command/q; s/^  (-[a-zA-Z], )?(--[a-z-]+) .*/\2/p'); do
    grep -q -- "$option\b" "$SOURCE_DIR/README.md" || { echo "no $option"; return 1; }
  done
}

@test "man page: every variable that is read, no other" {
  read_here=$(grep -ohE '"(CONDOLOCK_[A-Z_]+|REDIS_URL|REDISCLI_AUTH|NO_COLOR|CI)\b' "$SOURCE_DIR"/src/cli/*.cpp | tr -d '"' | sort -u)
  documented=$(sed -n '/^.Sh ENVIRONMENT/,/^.Sh EXIT/p; /^.Ev CI/p' "$SOURCE_DIR/man/condolock.1" | grep -E '^\.(It )?Ev' | grep -oE '[A-Z]+_[A-Z_]+|CI' | sort -u)
  [ "$read_here" = "$documented" ] || { diff <(echo "$read_here") <(echo "$documented"); return 1; }
}

@test "the version is the build's, and the changelog has a place for the next" {
  grep -q '^## \[Unreleased\]' "$SOURCE_DIR/CHANGELOG.md"
  [[ "$("$CONDOLOCK" --version)" == "condolock $(sed -nE 's/^project\(condolock VERSION ([0-9.]+).*/\1/p' "$SOURCE_DIR/CMakeLists.txt")" ]]
}

# completed WORD...: what bash would offer for the last word.
completed() {
  bash --norc -c '
    source "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _condolock
    printf "%s\n" "${COMPREPLY[@]}"' bash "$SOURCE_DIR/completions/condolock.bash" "$@" | sort
}

@test "bash completion: every command and option, no other" {
  [ "$(completed condolock '')" = "$(commands | sort)" ]
  for command in $(commands); do
    [ "$(completed condolock "$command" --)" = "$(options_of "$command")" ] || { completed condolock "$command" --; return 1; }
    [ "$(completed condolock --url x "$command" --)" = "$(options_of "$command")" ]
  done
  completed condolock -- | grep -qx -- --version
}

@test "bash completion: short options, and values that are called like commands" {
  short=$("$CONDOLOCK" run --help | grep -oE '(^|[ ,])-[a-zA-Z]\b' | grep -oE '\-[a-zA-Z]' | sort -u)
  [ "$(completed condolock run - | grep -xE -- '-[a-zA-Z]')" = "$short" ]
  [ "$(completed condolock check - | grep -xE -- '-[a-zA-Z]' | tr -d '\n')" = '-h-q-u-v' ]
  [ "$(completed condolock --namespace run '')" = "$(commands | sort)" ]
  [ "$(completed condolock --namespace = run '')" = "$(commands | sort)" ]
  [ "$(completed condolock --namespace run check --json)" = '' ]
  [ "$(completed condolock run --wait f)" = forever ]
}

@test "bash completion: values, and the command behind the --" {
  [ "$(completed condolock run --color a | tr '\n' ' ')" = 'always auto ' ]
  [ "$(completed condolock run --min-time-from s)" = start ]
  [ "$(completed condolock run --color = a | tr '\n' ' ')" = 'always auto ' ]
  [ "$(completed condolock run --color = | tr '\n' ' ')" = 'always auto never ' ]
  completed condolock run --key K -- ech | grep -qx echo
  [ "$(completed condolock run --key K -- cmd --ke)" = '' ]
}

@test "bash completion in a real interactive shell" {
  cd "$BATS_TEST_TMPDIR"
  mkfifo keys
  TERM=dumb script -qfc 'bash --norc --noprofile -i' shown <keys >/dev/null 2>&1 3>&- &
  exec 9>keys
  printf 'PS1=; source "$SOURCE_DIR/completions/condolock.bash"; echo "pty"-ready\n' >&9
  wait_for grep -q pty-ready shown
  printf 'echo condolock >/dev/null; condolock run --rec\t5 --helpx; echo "en"-d\n' >&9
  wait_for grep -q 'en-d' shown
  grep -q -- '--record-timeout 5' shown
  exec 9>&-
}
