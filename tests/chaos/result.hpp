// The findings of a trial, in memory that the processes of all trials share. So it is plain data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "chaos/log.hpp"

namespace chaos {

enum class Fault : std::uint8_t {
  kill_tool,
  kill_keeper,
  stop_tool,
  stop_keeper,
  term_tool,
  blackhole,
  delay,
  cut,
  drop_reply,
  repeat,
  kill_server,
  stop_server,
  flush_scripts,
  full_memory,
  revoke,
  // These are outside of the promise.
  kill_both,
  stop_both,
};
inline constexpr std::array<const char*, 17> fault_names{
    "condolock killed", "keeper killed", "condolock stopped", "keeper stopped", "TERM",
    "blackhole",        "delay",         "connections cut",   "reply lost",     "requests repeated",
    "Redis killed",     "Redis stopped", "scripts flushed",   "memory full",    "lease revoked",
    "both killed",      "both stopped"};

struct Result {
  bool is_over = false;
  bool is_outside = false;  // the trial had a fault outside of the promise
  Nanos worst_stall = 0;    // of the machine, during the trial
  Nanos half_margin = 0;    // of the lease
  int runs = 0;             // runs whose command started
  int successes = 0;        // acknowledged: the tool exited with 0
  int overlaps = 0;         // runs that started while a process of an earlier one lived
  Nanos overlap = 0;        // total length
  Nanos longest = 0;        // the longest overlap
  int orphans = 0;          // processes of runs that lived on after their tool had ended, and that no option allowed to stay
  Nanos orphaned = 0;       // total length
  int lost = 0;             // acknowledged successes that are not recorded
  int wrong = 0;            // other rules that broke
  std::array<int, fault_names.size()> faults{};
  // From the death of a run's last process to the start of the next run; only the first ones are kept.
  std::array<Nanos, 64> slack{};
  std::size_t slacks = 0;
  std::array<char, 512> why{};  // the first rule that broke
};

}  // namespace chaos
