// What several commands share: a key, conditions, and the way they are asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/globals.hpp"
#include "cli/options.hpp"
#include "lock/condition.hpp"
#include "lock/job.hpp"

namespace condolock::cli {

struct Asked {
  std::string key;
  std::vector<Condition> conditions;
  bool from_start = false;
  bool has_from = false;
};

void declare_key(Options& options, Asked& asked);
void declare_conditions(Options& options, Asked& asked);

// After parsing: the key, from --key or as the only operand, and what the options say only together. `hint` ends an error.
std::optional<Ending> settle(const std::vector<std::string>& operands, Asked& asked, const std::string& hint);

Job job_of(const Globals& globals, const std::string& key);

// How a failure reads, with the way out where there is one.
std::string told(const Failure& failure);

}  // namespace condolock::cli
