// The words for what a run has to tell.
#pragma once

#include <string>
#include <vector>

#include "cli/console.hpp"
#include "run/run.hpp"

namespace condolock::cli {

struct Told {
  const Console& console;
  std::string key;      // as the user wrote it
  std::string command;  // argv[0]
  const std::vector<Condition>& conditions;
  std::int64_t slots = 1;
  std::optional<Millis> timeout;
};

// "paused for another 29m: reason", "paused until it is resumed".
std::string shown(const Paused& paused);

void say(const Told& told, const Report& report);

}  // namespace condolock::cli
