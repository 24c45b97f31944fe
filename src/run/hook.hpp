// Runs the command of a hook, after the run.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "process/child.hpp"
#include "process/signals.hpp"
#include "util/clock.hpp"

namespace condolock::run {

// How a hook ended: its exit code (128+N for signal N), or why it could not be started.
using HookEnd = std::variant<int, process::SpawnError>;

// Runs the line with /bin/sh -c, on our standard descriptors, and waits for it. Passes TERM, INT, HUP and QUIT on to it.
// Processes that it leaves after such a signal get TERM, and KILL ten seconds later. Without one they go on. After `limit`
// the hook gets TERM, and KILL ten seconds later.
HookEnd run_hook(const std::string& line, std::vector<std::string> environment, process::Signals& signals, Millis limit);

}  // namespace condolock::run
