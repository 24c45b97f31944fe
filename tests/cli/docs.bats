load helper

# The documents must agree with the program. --help is printed from the program's own tables, and the documents are compared
# with it.

setup_file() { :; }
teardown_file() { :; }
setup() { :; }

# A command's help lists the global options in one paragraph, without explanation.
options_of() {
  "$CONDOLOCK" $1 --help | sed -nE '/^Global options/,/^$/p; s/^(  (-[a-zA-Z], )?--[a-z-]+).*/\1/p' | grep -oE '\-\-[a-z-]+' | sort -u
}
commands() { "$CONDOLOCK" --help | sed -n '/^Commands:/,/^$/p' | awk '/^  / { print $1 }'; }
# own_options_of COMMAND: its options without the global ones; -n is included. conditions: those that are conditions.
own_options_of() { "$CONDOLOCK" "$1" --help | sed -nE '/^Global options/q; s/^  (-[a-zA-Z], )?(--?[a-z-]+) .*/\2/p' | sort -u; }
conditions() { "$CONDOLOCK" run --help | sed -n '/^Conditions/,/^$/p' | sed -nE 's/^  (--[a-z-]+) .*/\1/p' | sort -u; }
# man_options SECTION: the options that are items of the man page's sections SECTION and "SECTION: ...".
man_options() {
  sed -nE "/^\.S[sh] /h; G; /\n\.S[sh] $1(:.*)?\$/P" "$SOURCE_DIR/man/condolock.1" |
    sed -nE 's/^\.It Fl ([a-zA-Z] , )?(-?[a-z-]+).*/-\2/p' | sort
}
# same A B: succeeds if the lines are the same, else shows the difference.
same() { [ "$1" = "$2" ] || { diff <(echo "$1") <(echo "$2"); return 1; }; }
exit_codes() { "$CONDOLOCK" --help | sed -n '/^Exit codes/,$p' | sed -nE 's/^  ([0-9]+) +(.*)$/\1 \2/p'; }

@test "the lists to compare are not empty" {
  [ "$(commands | tr '\n' ' ')" = 'run check touch status list history pause resume unlock reset doctor completion help version ' ]
  [ "$(options_of run | wc -l)" -ge 20 ]
  [ "$(exit_codes | wc -l)" -ge 14 ]
}

@test "man page: it has every command and every option, and no other" {
  man=$(mandoc -T ascii "$SOURCE_DIR/man/condolock.1" | sed "s/.\x08//g")
  for command in $(commands); do
    grep -qE "condolock +$command " <<<"$man" || { echo "no $command"; return 1; }
  done
  for option in $(for command in $(commands) ''; do options_of "$command"; done | sort -u) --version; do
    grep -qE "(^|[ ,|])$option\b" <<<"$man" || { echo "no $option"; return 1; }
  done
  # The help has one line for all TLS options.
  for option in $(grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' <<<"$man" | grep -oE '\-\-[a-z-]+' | sort -u); do
    [[ $option = --version || $option = --tls-* || $option = --sentinel-* ]] || for command in $(commands); do options_of "$command"; done | grep -qx -- "$option" || { echo "$option is no option"; return 1; }
  done
}

@test "man page: every command has a section with its own options" {
  for command in $(commands); do
    grep -qx "\.Ss $command" "$SOURCE_DIR/man/condolock.1" || { echo "no section $command"; return 1; }
  done
  same "$(own_options_of run)" "$(man_options run)"
  # The conditions of check are those of run.
  same "$(comm -23 <(own_options_of check) <(conditions))" "$(man_options check)"
  for command in $(commands); do
    [[ $command != run && $command != check ]] || continue
    echo "$command:"
    same "$(own_options_of "$command" | grep -vx -- --key)" "$(man_options "$command")"
  done
  same "$(options_of '')" "$(man_options 'GLOBAL OPTIONS' | grep -vE '^--(tls-(insecure|cert|sni)|sentinel-user)$')"
}

@test "man page: the synopsis of every command is that of its help" {
  # The form of the key and long names of values differ.
  [ "$(commands | wc -l)" -ge 11 ]
  for command in $(commands); do
    [[ $command != run && $command != check ]] || continue
    help=$("$CONDOLOCK" "$command" --help | sed -nE "s/^Usage: //p" | sed -E 's/--key K/KEY/; s/ \| |\|/|/g')
    man=$(mandoc -T ascii -O width=200 "$SOURCE_DIR/man/condolock.1" | sed "s/.\x08//g" | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
      sed -nE "s/^ +(condolock $command( .*)?)$/\1/p" | sed -E 's/ \| /|/g; s/ \.\.\./.../g; s/\b(key|glob|text|command)\b/\U\1/g')
    [ -n "$man" ]
    same "$help" "$man"
  done
}

@test "man page and README have the same ACL rule" {
  man=$(sed -n '/^ACL SETUSER/,/^\.Ed/p' "$SOURCE_DIR/man/condolock.1" | grep -v '^\.Ed' | tr '\n' ' ' | sed 's/ $//')
  [[ "$man" == *'+blpop '* ]]
  same "$(sed -nE 's/^ *(ACL SETUSER condolock .*)$/\1/p' "$SOURCE_DIR/README.md")" "$man"
}

@test "man page: it names every event, decision and fault of docs/report.md" {
  section=$(sed -n '/^\.Sh REPORT/,/^\.Sh PERM/p' "$SOURCE_DIR/man/condolock.1")
  words=$(sed -n '/^## Events/,$p' "$SOURCE_DIR/docs/report.md" | sed -nE 's/^\| `([a-z_]+)` \|.*/\1/p')
  [ "$(wc -l <<<"$words")" -ge 25 ]
  for word in $words; do
    grep -qE "^\.(It )?Li (.*[ ,])?$word\b" <<<"$section" || { echo "no $word"; return 1; }
  done
}

@test "man page: the documents that it names exist and are installed where it says" {
  page=$SOURCE_DIR/man/condolock.1
  documents=$(sed -nE 's/^\.It Pa ([a-zA-Z/]+\.md)$/\1/p; s/^\.Pa @CMAKE_INSTALL_FULL_DOCDIR@\/(.*\.md)$/\1/p' "$page")
  [ "$(wc -l <<<"$documents")" -ge 6 ]
  for document in $documents; do [ -f "$SOURCE_DIR/$document" ]; done
  grep -qx '\.Os "condolock @PROJECT_VERSION@"' "$page"
  # CMake fills in no other word.
  [ "$(grep -oE '@[A-Z_]+@' "$page" | sort -u | tr '\n' ' ')" = '@CMAKE_INSTALL_FULL_DOCDIR@ @PROJECT_VERSION@ ' ]
  grep -q '^configure_file(man/condolock\.1 ' "$SOURCE_DIR/CMakeLists.txt"
}

@test "README and SECURITY.md: the documents and sections that they link to exist, and are installed" {
  cmake --install "$BUILD_DIR" --prefix "$BATS_TEST_TMPDIR" >/dev/null
  cd "$BATS_TEST_TMPDIR/share/doc/condolock"
  count=0
  while IFS=: read -r from link; do
    page=${link%%#*}
    page=${page:-$from}
    [ -f "$page" ] || { echo "$from: no $page"; return 1; }
    [[ $link != *#* ]] || grep -E '^#+ ' "$page" | sed -E 's/^#+ //' | tr 'A-Z ' 'a-z-' | tr -d ',:`' | grep -qx -- "${link#*#}" ||
      { echo "$from: no section $link"; return 1; }
    count=$((count + 1))
  done < <(grep -oHE '\]\([a-zA-Z/]*(\.md)?(#[a-z0-9-]+)?\)' README.md SECURITY.md | sed -E 's/\]\((.*)\)/\1/')
  [ "$count" -ge 40 ]
  grep -q '](SECURITY.md)' README.md
}

# Each line of the man page's examples that calls condolock, without the rest of the shell line.
example_lines() {
  sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$SOURCE_DIR/man/condolock.1" | sed -n '/^\.Bd -literal/,/^\.Ed/p' |
    sed "s/\\\\e\$/\\\\/; s/\\\\e/\\\\/g; s/\\\\-/-/g; s/\\\\(aq/'/g" | sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' |
    grep -oE '\bcondolock [^|&>]*' | grep -v ' --$' # xargs completes these
}

@test "man page: condolock accepts every example" {
  export CONDOLOCK_URL="file:$BATS_TEST_TMPDIR/examples"
  mkdir -m 700 "$BATS_TEST_TMPDIR/examples"
  "$CONDOLOCK" touch sync
  lines=$(example_lines)
  [ "$(wc -l <<<"$lines")" -ge 20 ]
  while read -r line; do
    line=${line/condolock run/condolock check} # check takes any line of run
    line=${line/file:\/var\/lib\/condolock/$CONDOLOCK_URL}
    run --separate-stderr bash -c "set -- ${line#condolock }; exec \"\$0\" \"\$@\"" "$CONDOLOCK"
    echo "$line: $status $stderr"
    [ "$status" -eq 0 ] || [ "$status" -eq 75 ]
  done <<<"$lines"
}

@test "man page and README have the exit codes with the same text" {
  man=$(mandoc -T ascii -O width=200 "$SOURCE_DIR/man/condolock.1" | sed "s/.\x08//g" | sed -n '/^EXIT STATUS/,/^PROMISES/p' | sed -nE 's/^ +([0-9]+) +(.*)$/\1 \2/p')
  [ "$man" = "$(exit_codes)" ]
  readme=$(sed -nE 's/^\| ([0-9]+) \| (.*) \|$/\1 \2/p' "$SOURCE_DIR/README.md")
  [ "$readme" = "$(exit_codes)" ]
}

@test "README: it has every command, condition and option of run" {
  for command in $(commands); do grep -q "condolock $command " "$SOURCE_DIR/README.md"; done
  options=$("$CONDOLOCK" run --help | sed -nE '/^Global options/q; s/^  (-[a-zA-Z], )?(--[a-z-]+) .*/\2/p')
  [ "$(wc -l <<<"$options")" -ge 20 ]
  for option in $options; do
    grep -q -- "$option\b" "$SOURCE_DIR/README.md" || { echo "no $option"; return 1; }
  done
}

@test "man page: it has every environment variable that is read, and no other" {
  read_here=$(
    {
      grep -rohE '"(CONDOLOCK_[A-Z_]+|REDIS_URL|REDISCLI_AUTH|NO_COLOR|CI)\b' "$SOURCE_DIR/src/cli"
      grep -rohE '(getenv|from_environment)\("[A-Z_]+"' "$SOURCE_DIR/src"
      grep -ohE '"(LC_ALL|LC_CTYPE|LANG)"' "$SOURCE_DIR/src/cli/output/history_output.cpp"
    } | grep -oE '[A-Z][A-Z_]+' | sort -u
  )
  documented=$(sed -n '/^.Sh ENVIRONMENT/,/^.Sh FILES/p' "$SOURCE_DIR/man/condolock.1" | grep -E '^\.(It )?Ev' | grep -oE '[A-Z][A-Z_]+' | sort -u)
  [ "$(wc -l <<<"$read_here")" -ge 25 ]
  same "$read_here" "$documented"
}

@test "docs/records.md: it has every field of a record, and no other" {
  stored=$(sed -n '/^local FIELDS = {/,/^}/p' "$SOURCE_DIR/src/lua/record.lua" | grep -oE "'[a-z_]+'" | tr -d "'" | sort)
  described=$(sed -n '/^| `v`/,/^$/p' "$SOURCE_DIR/docs/records.md" | cut -d'|' -f2 | grep -oE '`[a-z_]+`' | tr -d '`' | sort)
  [ "$(wc -l <<<"$stored")" -ge 35 ]
  same "$stored" "$described"
}

@test "docs/output.md: it has every field of status --json" {
  cd "$BATS_TEST_TMPDIR"
  mkdir -m 700 db
  CONDOLOCK_URL="file:$PWD/db" "$CONDOLOCK" touch K
  for field in $(CONDOLOCK_URL="file:$PWD/db" "$CONDOLOCK" status --json K | jq -r '.keys[0] | keys[]'); do
    grep -q "^|.*\`$field\`" "$SOURCE_DIR/docs/output.md" || { echo "no $field"; return 1; }
  done
}

@test "the version is the build's, and the changelog has a heading for the next version" {
  grep -q '^## \[Unreleased\]' "$SOURCE_DIR/CHANGELOG.md"
  [[ "$("$CONDOLOCK" --version)" == "condolock $(sed -nE 's/^project\(condolock VERSION ([0-9.]+).*/\1/p' "$SOURCE_DIR/CMakeLists.txt")" ]]
}

@test "docs/protocol.md: each rule that the simulation can remove has a seed that breaks without that rule only" {
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

@test "the simulation refuses wrong arguments, and repeats a run from its seeds" {
  for words in --nonsense '--seeds x' '--seed' '--mutation none' '--profile none' '--seeds -1x'; do
    run "$SIM" $words
    [ "$status" -eq 64 ] || { echo "$words: $status"; return 1; }
  done
  once=$("$SIM" --seeds 40 --threads 1 | grep -o 'digest .*')
  [ "$("$SIM" --seeds 40 --threads 3 | grep -o 'digest .*')" = "$once" ]
  [ "$("$SIM" --seeds 40 --first 1 | grep -o 'digest .*')" != "$once" ]
}
