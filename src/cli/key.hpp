// What several commands share: a key, conditions, and the way they are asked for.
#pragma once

#include <cstdint>
#include <functional>
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
  std::string key;                     // of a command on one key
  std::vector<std::string> keys;       // of a command on several
  std::optional<std::string> pattern;  // of a command on those that match; none: on all
  std::vector<Condition> conditions;
  bool from_start = false;
  bool has_from = false;
};

void declare_key(Options& options, Asked& asked);
void declare_conditions(Options& options, Asked& asked);

// How a command says what it is, and what it takes besides options.
struct Frame {
  enum class Takes : std::uint8_t { key, keys, key_and_command, pattern, nothing };

  const char* usage;
  const char* examples;
  Takes takes = Takes::key;
};

using Check = std::function<std::optional<Ending>()>;

// All that stands between arguments and work: parsing, --help, the environment, the key or keys (from --key or as operands),
// what the command checks besides, and what must be right before any connection is made.
std::optional<Ending> parse(Options& options, const Arguments& arguments, const Frame& frame, Globals& globals, Asked& asked,
                            const Check& also = {});

Job job_of(const Globals& globals, const std::string& key);

// Does `work` for one key after the other. A malformed record is told of and keeps nobody from the next; any other failure
// ends it, since it would be the same for all. The first failure's exit code, or ok.
int for_each_key(const Asked& asked, const Console& console,
                 const std::function<std::optional<Failure>(const std::string& key)>& work);

// How a failure reads, with the way out where there is one.
std::string told(const Failure& failure);
Ending ended(const Failure& failure);

}  // namespace condolock::cli
