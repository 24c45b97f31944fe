load helper

# The tables on a reader's screen: columns by display width, and no line wider than the terminal.

long=$(printf 'k%.0s' {1..200})

# on_terminal COLUMNS COMMAND...: prints its output on a terminal of that width.
on_terminal() {
  local columns=$1
  shift
  script -qec "stty cols $columns; $*" /dev/null </dev/null | tr -d '\r'
}

# widest: prints the columns of the widest line. It takes the widths from perl's \p{}, not from the program's own table.
widest() {
  perl -CS -Mutf8 -ne 'chomp; s/\e\[\d+m//g; s/\p{Mn}//g; s/\p{East_Asian_Width=Wide}/xx/g;
    $max = length if length > $max; END { print "$max\n" }'
}

setup() {
  start_case
  export LC_ALL=C.UTF-8
  "$CONDOLOCK" touch "$long"
  "$CONDOLOCK" touch 日本語のバックアップ
  "$CONDOLOCK" touch --failed sync
}

@test "list on a terminal cuts the middle of a long key, and no row wraps" {
  for columns in 80 132; do
    on_terminal $columns "$CONDOLOCK" list >shown
    [ "$(wc -l <shown)" -eq 4 ]
    [ "$(widest <shown)" -le $columns ]
    grep -q '^kkk*…kkk*  ' shown
    grep -q '^日本語のバックアップ  ' shown
  done
  on_terminal 300 "$CONDOLOCK" list >shown
  grep -q "^$long  " shown
  LC_ALL=C on_terminal 80 "$CONDOLOCK" list >shown
  grep -q '^kkk*\.\.\.kkk*  ' shown
}

@test "list on a narrow terminal cuts the end of the state" {
  "$CONDOLOCK" pause sync --reason 'a reason' -q
  on_terminal 40 "$CONDOLOCK" list >shown
  [ "$(wc -l <shown)" -eq 4 ]
  grep -q '^kkkkkkkk…kkkkkkk ' shown
}

@test "list elsewhere cuts nothing, unless COLUMNS gives the width of the screen" {
  unset COLUMNS
  "$CONDOLOCK" list >shown
  grep -q "^$long  " shown
  COLUMNS=80 "$CONDOLOCK" list >shown
  [ "$(widest <shown)" -le 80 ]
  grep -q '^kkk*…kkk*  ' shown
  for columns in 0 -1 x ''; do
    COLUMNS=$columns "$CONDOLOCK" list >shown
    grep -q "^$long  " shown
  done
}

@test "watch condolock list is as wide as the terminal" {
  script -qfc "stty cols 80 rows 24; TERM=xterm exec watch -t -n 60 $CONDOLOCK list" shown </dev/null >/dev/null 2>&1 3>&- &
  wait_for grep -q 'kkk.*…kkk' shown
  ! grep -q "$(printf 'k%.0s' {1..60})" shown || false
}

@test "list, history and check align their columns after wide characters and combining marks" {
  "$CONDOLOCK" reset --yes "$long"
  "$CONDOLOCK" list >shown
  # The second column begins at the same column of the screen in each line.
  perl -CS -Mutf8 -ne 's/\p{East_Asian_Width=Wide}/xx/g; /^\S+ +/; print length($&), "\n"' <shown | tail -n +2 | sort -u >starts
  [ "$(wc -l <starts)" -eq 1 ]
  "$CONDOLOCK" check --key x --not-running 日本語 --not-running sync --not-running $'e\u0301' >shown
  perl -CS -Mutf8 -ne 's/\p{Mn}//g; s/\p{East_Asian_Width=Wide}/xx/g; /^(yes|no )  \S.*?  +/; print length($&), "\n"' <shown |
    sort -u >starts
  [ "$(wc -l <starts)" -eq 1 ]
}
