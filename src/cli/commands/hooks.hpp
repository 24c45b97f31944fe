// The hooks of a run: --on-success and --on-failure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run/report.hpp"

namespace condolock::cli {

struct Hooks {
  std::string on_success;  // a line for /bin/sh -c; empty: none
  std::string on_failure;
};

// Learns from the reports of a run how it ended, and so which hook it needs.
class HookOccasion {
 public:
  void note(const run::Report& report);

  // "success", "failed", "timeout", "lost", "not_recorded" or "not_started". Empty: no hook, since the run was skipped, or
  // called off by a signal before it began.
  const std::string& outcome() const { return outcome_; }

  // What the hook gets in addition to the command's environment. The variables of the command are not in it.
  //   CONDOLOCK_OUTCOME      see outcome()
  //   CONDOLOCK_EXIT_CODE    condolock's own, which the caller will see
  //   CONDOLOCK_FENCE        of the run; empty without a lease
  //   CONDOLOCK_FAILURES     in a row, this run's included; empty if it was not recorded
  //   CONDOLOCK_DURATION_MS  from the command's start to its end; empty if it was not started
  std::vector<std::string> variables(int exit_code) const;

 private:
  std::string outcome_;
  std::string fence_;
  std::string failures_;
  std::string duration_;
};

}  // namespace condolock::cli
