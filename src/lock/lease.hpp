// The time-limited right to run, as its holder counts it. The holder uses its own clock and counts from before it sent the
// request. It subtracts the possible clock drift and a margin. By the engine's clock the lease lasts longer, so the command
// is dead before another run can start.
#pragma once

#include <algorithm>

#include "util/clock.hpp"

namespace condolock::lock {

struct Lease {
  Instant sent{};   // just before sending the request that granted or last renewed it
  Millis length{};  // at least 1 s

  Instant renew_at() const { return sent + length / 6; }
  // The command must be dead by then: 1% of the lease for clock drift, and a margin of a tenth, at most 2 s.
  Instant kill_at() const { return sent + length - length / 100 - std::min<Millis>(Millis(2000), length / 10); }
  // Time from TERM to KILL: --kill-after, but at most a quarter of the lease.
  Millis grace(Millis kill_after) const { return std::min<Millis>(kill_after, length / 4); }
  Instant term_at(Millis kill_after) const { return kill_at() - grace(kill_after); }
  // Time limit of one renew or finish request, connecting included.
  Millis attempt(Millis redis_timeout) const { return std::min<Millis>(redis_timeout, length / 12); }
  // Longest pause before a retry. At most 1 s, so that a long lease does not delay the recording of a success.
  Millis retry_pause() const { return std::min<Millis>(length / 60, Millis(1000)); }
  // A grant this old must be renewed before the command is started.
  bool is_stale(Instant now) const { return now - sent > length / 4; }
};

}  // namespace condolock::lock
