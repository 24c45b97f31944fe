// The options of run. check accepts them too, so that any run line can be checked.
#pragma once

#include <optional>

#include "cli/args/command_line.hpp"
#include "cli/commands/hooks.hpp"
#include "run/run.hpp"

namespace condolock::cli {

struct RunOptions {
  CommandArguments args;
  run::Plan plan;
  std::optional<Millis> timeout;
  bool no_wait = false;
  std::optional<int> report_fd;
  Hooks hooks;

  RunOptions() { plan.attempt.lease = Millis(60'000); }
};

// With `for_check`, --help shows only the options that check evaluates.
void declare(Options& options, RunOptions& run, bool for_check = false);

// Checks that need several options.
std::optional<CommandResult> settle(const Options& options, RunOptions& run);

}  // namespace condolock::cli
