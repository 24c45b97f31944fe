#!/usr/bin/env bats
# The installed C++ library, as another project uses it: the programs of docs/library.md, compiled and run on both engines,
# together with the command.

load helper
eval "start_file$(declare -f setup_file | sed 1s/^setup_file//)"

setup_file() {
  export INSTALLED=$BATS_FILE_TMPDIR/installed PROGRAMS=$BATS_FILE_TMPDIR/programs
  cmake --install "$BUILD_DIR" --prefix "$INSTALLED" >"$BATS_FILE_TMPDIR/install.log"
  mkdir "$PROGRAMS"
  # Each block of C++ begins with its name: // backup.cpp
  perl -ne 'if (/^```cpp/) { $on = 1; undef $to } elsif (/^```/) { $on = 0 } elsif ($on) {
      if (!$to) { m{^// (\w+\.cpp)$} or die "a block without a name: $_"; open $to, ">", "$ENV{PROGRAMS}/$1" or die }
      print $to $_ }' "$SOURCE_DIR/docs/library.md"
  build_programs shared OFF
  build_programs static ON
  start_file
}

# build_programs NAME STATIC
build_programs() {
  local log=$BATS_FILE_TMPDIR/$1.log
  cmake -S "$SOURCE_DIR/tests/package" -B "$BATS_FILE_TMPDIR/$1" "-DCMAKE_PREFIX_PATH=$INSTALLED" "-DPROGRAMS=$PROGRAMS" \
    "-DCONDOLOCK_USE_STATIC_LIBS=$2" >"$log" 2>&1 || { cat "$log"; return 1; }
  cmake --build "$BATS_FILE_TMPDIR/$1" -j 2 >>"$log" 2>&1 || { cat "$log"; return 1; }
}

running() { "$CONDOLOCK" list --running --plain | grep -qx "$1"; }

# program NAME: the program that links the shared library.
program() { "$BATS_FILE_TMPDIR/shared/$1"; }

on_both_engines() {
  "$1"
  export CONDOLOCK_URL=file:$BATS_TEST_TMPDIR/state
  "$1"
}

first_program() {
  run -75 program backup
  [ "$output" = 'skipped: checking has not run yet, needs a success at most 5m ago' ]
  "$CONDOLOCK" touch checking
  run -0 program backup
  [[ $output =~ ^'running with fence '[0-9]+$ ]]
  run -75 program backup
  [[ $output = 'skipped: last success '*', needs 5m (due in '* ]]
  # The command goes by the same record.
  run -75 "$CONDOLOCK" run -v --key backup --min-time 300 -- true
  [[ $output = *'skipped backup: last success '*', needs 5m (due in '* ]]
  [ "$("$CONDOLOCK" history backup --json | jq -c '[.runs[].outcome]')" = '["success"]' ]
}
@test "the first program runs, is skipped, and shares its record with the command" { on_both_engines first_program; }

python_example() {
  run -0 program conditional_lock
  [ "$output" = '' ]
  "$CONDOLOCK" touch checking
  run -0 program conditional_lock
  [ "$output" = work ]
  run -0 program conditional_lock
  [ "$output" = '' ]
  # The command goes by the same records, in both directions.
  run -75 "$CONDOLOCK" run -v --key d59be26104f84fca8dc78dbdf8d64763 --min-time 300 --accessed-prior checking:300 -- true
  [[ $output = *'last success '*', needs 5m (due in '* ]]
  run -0 "$CONDOLOCK" run --key last_edit --min-time 600 --min-time-from start -- true
  run -75 program manual
  [[ $output = 'last success began '*', needs 10m (due in '* ]]
  "$CONDOLOCK" reset --yes last_edit
  run -0 program manual
  [ "${lines[0]}" = 'there was no edit yet' ]
  run -75 "$CONDOLOCK" run --key last_edit --min-time 600 --min-time-from start -- true
}
@test "the examples of the Python sketch run as they did there, beside the command" { on_both_engines python_example; }

@test "the manual example runs again when its 600 seconds are over" {
  run -0 program manual
  backdate last_edit ok_start 700000
  run -0 program manual
  [ "${lines[0]}" = 'at least 600 s have passed since the last edit' ]
}

a_command_holds_it() {
  "$CONDOLOCK" run -q --key backup -- sleep 60 3>&- &
  local pid=$!
  wait_for running backup
  "$CONDOLOCK" touch checking
  run -75 program backup
  [[ $output = 'skipped: held by '*' (pid '*') for '* ]]
  put_down "$pid"
}
@test "a command keeps a program out" { on_both_engines a_command_holds_it; }

a_program_holds_it() {
  "$BATS_FILE_TMPDIR/shared/migrate" >out 3>&- &
  local pid=$!
  wait_for running migration
  run -75 "$CONDOLOCK" run -v --key migration -- true
  [[ $output = *'skipped migration: held by '*" (pid $pid) for "* ]]
  "$CONDOLOCK" unlock migration
  local code=0
  wait "$pid" || code=$?
  [ "$code" -eq 79 ]
  [[ $(tail -1 out) = 'stopped: '*' revoked the lease' ]]
  grep -q '^batch 1 written$' out
  [ "$("$CONDOLOCK" history migration --json | jq -r '.runs[0].outcome')" = lost ]
}
@test "a program keeps a command out, and stops when its lease is revoked" { on_both_engines a_program_holds_it; }

a_predicate_refuses() {
  run -75 program predicate
  [ "$output" = 'no   disk has an exabyte: disk has an exabyte does not hold' ]
}
@test "a program's own condition refuses" { on_both_engines a_predicate_refuses; }

a_killed_program() {
  "$BATS_FILE_TMPDIR/shared/migrate" >/dev/null 3>&- &
  local pid=$!
  wait_for running migration
  kill -KILL "$pid"
  run -0 "$CONDOLOCK" run --key migration --wait 20 -- true
}
@test "a program that was killed lets the command run when its lease has ended" { on_both_engines a_killed_program; }

static_program() {
  "$CONDOLOCK" touch checking
  run -0 "$BATS_FILE_TMPDIR/static/backup"
  [[ $output =~ ^'running with fence '[0-9]+$ ]]
}
@test "the static library does the same" {
  on_both_engines static_program
  run ldd "$BATS_FILE_TMPDIR/static/backup"
  [[ $output != *libcondolock* ]]
  run ldd "$BATS_FILE_TMPDIR/shared/backup"
  [[ $output = *libcondolock.so.0.1* ]]
}

@test "pkg-config is enough to build with it" {
  pc=$(find "$INSTALLED" -name condolock.pc)
  # No other package is needed: nothing else is found there.
  export PKG_CONFIG_LIBDIR=${pc%/*}
  # shellcheck disable=SC2046
  c++ -std=c++20 "$PROGRAMS/manual.cpp" -o manual $(pkg-config --cflags --libs condolock) "-Wl,-rpath,${pc%/pkgconfig/*}"
  run -0 ./manual
  [ "${lines[0]}" = 'there was no edit yet' ]
  # A moved installation still works.
  cp -r "$INSTALLED" moved
  PKG_CONFIG_LIBDIR=$PWD/moved${PKG_CONFIG_LIBDIR#"$INSTALLED"}
  [[ $(pkg-config --cflags condolock) = "-I"*"/moved/"* ]]
}

@test "each header compiles alone, with the standard library only" {
  for header in "$INSTALLED"/include/condolock/*.hpp; do
    echo "#include <condolock/${header##*/}>" |
      c++ -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -x c++ "-I$INSTALLED/include" -
    if grep -n '#include' "$header" | grep -vE '<[a-z_]+>|"condolock/[a-z_]+\.hpp"'; then return 1; fi
  done
}

@test "the shared library exports its interface and nothing else" {
  library=$(find "$INSTALLED" -name 'libcondolock.so.*.*.*')
  # Templates of the standard library are exported by every shared library: as weak symbols, but not all of them by g++ 14.
  nm -D --defined-only -C "$library" | awk '$2 == "T" || $2 == "D" || $2 == "B" || $2 == "R"' | cut -d' ' -f3- >exported
  [ "$(wc -l <exported)" -ge 30 ]
  api='condolock::(Engine|ConditionalLock|ConditionContext|Deadline|Wait|Exception|connect)\b'
  run grep -vE "^($api|std::|typeinfo|vtable)" exported
  [ "$output" = '' ]
  run sh -c "grep -E '^(typeinfo|vtable).*condolock::' exported | grep -vE '$api'"
  [ "$output" = '' ]
  run grep -E 'Impl|State' exported
  [[ $output != *::Impl::* && $output != *::State::* ]]
}
