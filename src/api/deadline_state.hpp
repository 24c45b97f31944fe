// What a context's Deadline looks at.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "condolock/condition_context.hpp"
#include "util/clock.hpp"

namespace condolock {

// Read by any thread, written by the context's.
struct Deadline::State {
  // It has passed, or somebody has been told so. It stays so: nobody must hear later that the lease was renewed after all.
  bool is_over() {
    if (over.load(std::memory_order_acquire)) return true;
    const bool passed = BootClock::now().time_since_epoch().count() >= until.load(std::memory_order_acquire);
    // After fork(), the thread that renews the lease is not there.
    if (!passed && getpid() == owner) return false;
    over.store(true, std::memory_order_release);
    return true;
  }

  std::atomic<std::int64_t> until{0};  // on BootClock, ns
  std::atomic<bool> over{false};
  const pid_t owner = getpid();
};

}  // namespace condolock
