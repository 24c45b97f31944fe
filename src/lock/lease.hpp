// The right to run, limited in time, as its holder counts it: on its own clock, from before the request was sent, less what
// the two clocks may drift apart and a margin. By the engine's clock it lasts longer, so our child is dead before another
// may run.
#pragma once

#include <algorithm>

#include "util/clock.hpp"

namespace condolock::lock {

struct Lease {
  Instant sent{};   // just before the attempt was sent that granted or last renewed it
  Millis length{};  // at least 1 s

  Instant renew_at() const { return sent + length / 6; }
  // By then the child must be dead: 1% for drift, and a margin of a tenth of the lease, at most 2 s.
  Instant kill_at() const { return sent + length - length / 100 - std::min<Millis>(Millis(2000), length / 10); }
  // From TERM to KILL: what the user allows, but no more than a quarter of the lease.
  Millis grace(Millis kill_after) const { return std::min<Millis>(kill_after, length / 4); }
  Instant term_at(Millis kill_after) const { return kill_at() - grace(kill_after); }
  // One attempt to renew or to record, connecting included.
  Millis attempt(Millis redis_timeout) const { return std::min<Millis>(redis_timeout, length / 12); }
  // The longest pause before the next attempt. A long lease is no reason to record a success late, hence the second bound.
  Millis retry_pause() const { return std::min<Millis>(length / 60, Millis(1000)); }
  // A grant that took this long to arrive is renewed before anything is started under it.
  bool is_stale(Instant now) const { return now - sent > length / 4; }
};

}  // namespace condolock::lock
