// Time as this process measures it. It decides our own deadlines and nothing else: what is recorded, and whether a condition
// holds, is always a matter of the engine's clock.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>

namespace condolock {

using Millis = std::chrono::milliseconds;

// CLOCK_BOOTTIME: steady, and unlike CLOCK_MONOTONIC it goes on while the machine is suspended, as a lease does.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    timespec t{};
    clock_gettime(CLOCK_BOOTTIME, &t);
    return time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
  }
};

using Instant = BootClock::time_point;

namespace util {

// The earlier of two moments; none means never.
inline std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace util

}  // namespace condolock
