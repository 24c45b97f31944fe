// The local clock. It decides only condolock's own deadlines. The engine's clock decides what is recorded and whether a
// condition holds.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>

namespace condolock {

using Millis = std::chrono::milliseconds;

// CLOCK_BOOTTIME is steady. Unlike CLOCK_MONOTONIC it also runs while the machine is suspended, as a lease does.
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

// The earlier of two times. None means never.
inline std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace util

}  // namespace condolock
