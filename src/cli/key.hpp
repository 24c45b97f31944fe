// What several commands share: a key, conditions, and the way they are asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/globals.hpp"
#include "cli/options.hpp"
#include "lock/condition.hpp"
#include "lock/job.hpp"

namespace condolock::cli {

struct Asked {
  std::string key;                // of a command on one key
  std::vector<std::string> keys;  // of a command on several
  std::vector<Condition> conditions;
  bool from_start = false;
  bool has_from = false;
};

void declare_key(Options& options, Asked& asked);
void declare_conditions(Options& options, Asked& asked);

// After parsing: the key, from --key or as the only operand, and what the options say only together. `hint` ends an error.
std::optional<Ending> settle(const std::vector<std::string>& operands, Asked& asked, const std::string& hint);

// How a command says what it is.
struct Frame {
  const char* usage;
  const char* examples;
  bool many_keys = false;
};

// All that stands between arguments and work for a command without a command line behind the `--`: parsing, --help, the key
// or keys, and what must be right before any connection is made.
std::optional<Ending> parse(Options& options, const Arguments& arguments, const Frame& frame, Globals& globals,
                            Asked& asked);

Job job_of(const Globals& globals, const std::string& key);

// How a failure reads, with the way out where there is one.
std::string told(const Failure& failure);
Ending ended(const Failure& failure);

}  // namespace condolock::cli
