#include "chaos/stalls.hpp"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <thread>

#include "chaos/processes.hpp"

namespace chaos {
namespace {

// Measures how late a sleep of a millisecond ends on this core.
[[noreturn]] void probe(unsigned core, Stalls& stalls) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t only{};
  CPU_SET(core, &only);
  sched_setaffinity(0, sizeof only, &only);
  for (Nanos before = now();;) {
    const timespec length{0, ms(1)};
    nanosleep(&length, nullptr);
    const Nanos after = now();
    const Nanos late = after - before - ms(1);
    const auto slot = static_cast<std::size_t>((after - stalls.began) / Stalls::length);
    if (slot < stalls.worst.size() && late > stalls.worst.at(slot)) stalls.worst.at(slot) = late;
    before = after;
  }
}

}  // namespace

Nanos worst_between(const Stalls& stalls, Nanos from, Nanos to) {
  Nanos worst = 0;
  for (Nanos at = from; at < to + Stalls::length; at += Stalls::length) {
    const auto slot = static_cast<std::size_t>((at - stalls.began) / Stalls::length);
    if (slot < stalls.worst.size()) worst = std::max(worst, stalls.worst.at(slot).load());
  }
  return worst;
}

Probes::Probes() : stalls_(shared<Stalls>(1)) {
  stalls_->began = now();
  for (unsigned core = 0; core < std::max(1U, std::thread::hardware_concurrency()); ++core) {
    probes_.push_back(in_a_process([&] { probe(core, *stalls_); }));
  }
}

Probes::~Probes() {
  for (const pid_t pid : probes_) kill(pid, SIGKILL);
}

}  // namespace chaos
