load helper

# Faults that take long, or need root: thousands of kills, system calls that hang, servers that crash or whose clock jumps.

# How often condolock or its keeper is killed, for each way.
kills=${CONDOLOCK_KILLS:-60}

# ---- killed at any time

kill_often() { perl "$SOURCE_DIR/tests/support/kills.pl" "$kills" "$@"; }

@test "condolock is killed at any time: nobody of the run is alive a second later, nor when the lease can be taken" {
  kill_often KILL condolock
}

@test "condolock is stopped at any time: nobody of the run is alive when the lease can be taken" {
  kill_often STOP condolock
}

@test "the keeper is killed or stopped at any time: condolock ends the run" {
  kill_often KILL keeper
  kill_often STOP keeper
}

@test "condolock and the keeper are killed in the same instant: the command dies" {
  kill_often KILL both
}
