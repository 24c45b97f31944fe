// Drives a Run with a real engine, command, signals and clock. No other code in run/ blocks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "process/signals.hpp"
#include "run/run.hpp"

namespace condolock::run {

struct GuardedCommand {
  std::vector<std::string> argv;
  // Returns the command's whole environment, as NAME=value. A grant with fence 0 means that there is no lease.
  std::function<std::vector<std::string>(const lock::Grant&)> environment;
  int stop_signal = 15;  // see Plan::stop_signal
};

using Listener = std::function<void(const Report&)>;

// Runs until the end and returns the exit code. Throws std::system_error if poll or timerfd_create fails, and
// std::bad_alloc. Before it throws, it releases the lease if it has not started the command. Construct `signals` before
// anything else, so that no signal is missed.
int drive(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
          const Listener& listener);

}  // namespace condolock::run
