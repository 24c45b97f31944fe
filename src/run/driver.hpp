// Drives a Run with a real engine, a real child, real signals and the real clock. The only place that waits.
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
  // The child's whole environment, made when the grant is there.
  std::function<std::vector<std::string>(const lock::Grant&)> environment;
};

using Listener = std::function<void(const Report&)>;

// Returns the exit code. The signals must have been opened before anything else, so that none is missed.
int drive(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
          const Listener& listener);

}  // namespace condolock::run
