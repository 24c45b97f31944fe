// Measures how late the machine wakes a process: the promise does not hold while that takes too long.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <vector>

#include "chaos/log.hpp"

namespace chaos {

// The worst stall of the machine in each tenth of a second since `began`. In shared memory.
struct Stalls {
  static constexpr Nanos length = ms(100);
  Nanos began = 0;
  std::array<std::atomic<Nanos>, 200'000> worst{};
};

// The worst stall between two moments since `began`.
Nanos worst_between(const Stalls& stalls, Nanos from, Nanos to);

// Measures until it goes out of scope, with one process for each core.
class Probes {
 public:
  Probes();
  Probes(const Probes&) = delete;
  Probes& operator=(const Probes&) = delete;
  ~Probes();

  const Stalls& stalls() const { return *stalls_; }

 private:
  Stalls* stalls_;
  std::vector<pid_t> probes_;
};

}  // namespace chaos
