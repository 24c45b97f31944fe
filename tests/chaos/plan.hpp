// All that a seed decides about a trial: its faults, and the options and command of each run.
#pragma once

#include <cstdint>
#include <vector>

#include "chaos/result.hpp"
#include "chaos/tool.hpp"

namespace chaos {

// A planned fault. Everything is drawn before the trial begins, so that a seed gives every tool the same faults.
struct Harm {
  std::int64_t at = 0;  // ms after the start of the trial
  Fault fault{};
  bool on_holder = false;   // on the host whose command runs, if there is one
  std::size_t host = 0;     // otherwise this one
  std::int64_t length = 0;  // ms; of a fault that ends
  std::int64_t delay = 0;   // ms
};

bool is_on_tool(Fault fault);    // and not on the keeper
bool is_on_keeper(Fault fault);  // perhaps also on the tool
bool is_on_server(Fault fault);

struct PlanSetting {
  std::uint64_t seed = 0;
  std::int64_t lease = 0;  // ms
  std::size_t hosts = 0;
  bool is_common = false;  // only features that every tool has
};

std::vector<Harm> plan_faults(const PlanSetting& setting);

// The programs that the command of a run uses.
struct Programs {
  std::string condolock;
  std::string chaos;
  std::string server;         // the socket of the Redis for a nested condolock
  bool is_condolock = false;  // the tool is condolock
};

// Adds the options and the command of the nth run. They do not depend on the tool.
void plan_run(const PlanSetting& setting, std::int64_t run, const Programs& programs, Wish& wish);

}  // namespace chaos
