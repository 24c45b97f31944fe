load helper

# What is documented is what the program itself holds: --help is printed from its tables, the rest is compared with that.

setup_file() { :; }
teardown_file() { :; }
setup() { :; }

# A command's help names the options of all commands in one paragraph.
options_of() {
  "$CONDOLOCK" $1 --help | sed -nE '/^Global options/,/^$/p; s/^(  (-[a-zA-Z], )?--[a-z-]+).*/\1/p' | grep -oE '\-\-[a-z-]+' | sort -u
}
commands() { "$CONDOLOCK" --help | sed -n '/^Commands:/,/^$/p' | awk '/^  / { print $1 }'; }
exit_codes() { "$CONDOLOCK" --help | sed -n '/^Exit codes/,$p' | sed -nE 's/^  ([0-9]+) +(.*)$/\1 \2/p'; }

@test "there is something to compare" {
  [ "$(commands | tr '\n' ' ')" = 'run check touch status list history pause resume unlock reset doctor ' ]
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
  options=$("$CONDOLOCK" run --help | sed -nE '/^Global options/q; s/^  (-[a-zA-Z], )?(--[a-z-]+) .*/\2/p')
  [ "$(wc -l <<<"$options")" -ge 20 ]
  for option in $options; do
    grep -q -- "$option\b" "$SOURCE_DIR/README.md" || { echo "no $option"; return 1; }
  done
}

@test "man page: every variable that is read, no other" {
  read_here=$(grep -rohE '"(CONDOLOCK_[A-Z_]+|REDIS_URL|REDISCLI_AUTH|NO_COLOR|CI)\b' "$SOURCE_DIR/src/cli" | tr -d '"' | sort -u)
  documented=$(sed -n '/^.Sh ENVIRONMENT/,/^.Sh FILES/p; /^.Ev CI/p' "$SOURCE_DIR/man/condolock.1" | grep -E '^\.(It )?Ev' | grep -oE '[A-Z]+_[A-Z_]+|CI' | sort -u)
  [ -n "$read_here" ]
  [ "$read_here" = "$documented" ] || { diff <(echo "$read_here") <(echo "$documented"); return 1; }
}

@test "the version is the build's, and the changelog has a place for the next" {
  grep -q '^## \[Unreleased\]' "$SOURCE_DIR/CHANGELOG.md"
  [[ "$("$CONDOLOCK" --version)" == "condolock $(sed -nE 's/^project\(condolock VERSION ([0-9.]+).*/\1/p' "$SOURCE_DIR/CMakeLists.txt")" ]]
}

@test "docs/protocol.md: every rule that the simulation takes out, each with a seed that breaks without it and only then" {
  page=$SOURCE_DIR/docs/protocol.md
  [ "$("$SIM" --list | cut -d: -f1)" = "$(sed -nE 's/^\| .* \| `([a-z-]+)` \|.*\.\/dev sim --seed.*/\1/p' "$page")" ]
  count=0
  while read -r seed mutation; do
    run "$SIM" --seed "$seed" --mutation "$mutation"
    [ "$status" -eq 1 ] || { echo "seed $seed with $mutation: $status"; return 1; }
    run "$SIM" --seed "$seed"
    [ "$status" -eq 0 ] || { echo "seed $seed: $status"; return 1; }
    count=$((count + 1))
  done < <(sed -nE 's/^.*`\.\/dev sim --seed ([0-9]+) --mutation ([a-z-]+)`.*/\1 \2/p' "$page")
  [ "$count" -ge 25 ]
}

@test "the simulation: wrong words, and the same again from the same seeds" {
  for words in --nonsense '--seeds x' '--seed' '--mutation none' '--profile none' '--seeds -1x'; do
    run "$SIM" $words
    [ "$status" -eq 64 ] || { echo "$words: $status"; return 1; }
  done
  once=$("$SIM" --seeds 40 --threads 1 | grep -o 'digest .*')
  [ "$("$SIM" --seeds 40 --threads 3 | grep -o 'digest .*')" = "$once" ]
  [ "$("$SIM" --seeds 40 --first 1 | grep -o 'digest .*')" != "$once" ]
}
