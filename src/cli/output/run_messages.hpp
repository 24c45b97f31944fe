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

void print_message(const MessageContext& context, const run::Report& report);

}  // namespace condolock::cli
