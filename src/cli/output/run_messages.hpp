// The messages about a run, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/output/console.hpp"
#include "run/report.hpp"

namespace condolock::cli {

struct MessageContext {
  const Console& console;
  std::string key;      // as the user wrote it
  std::string command;  // argv[0]
  const std::vector<lock::Condition>& conditions;
  std::int64_t slots = 1;
  std::optional<Millis> timeout;
};

// "held by web1 (pid 4121) for 41s": why a run with so many slots is refused.
std::string held_by(const lock::Held& held, std::int64_t slots);
// "paused for another 29m: reason", "paused until it is resumed".
std::string shown(const lock::Paused& paused);

void print_message(const MessageContext& context, const run::Report& report);

}  // namespace condolock::cli
