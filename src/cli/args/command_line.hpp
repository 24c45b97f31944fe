// What several commands share: a key, conditions, and the way they are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/args/globals.hpp"
#include "cli/args/options.hpp"
#include "cli/args/raw_arguments.hpp"
#include "cli/output/command_result.hpp"
#include "lock/condition.hpp"
#include "lock/job.hpp"

namespace condolock::cli {

struct CommandArguments {
  std::string key;                     // of a command on one key
  std::vector<std::string> keys;       // of a command on several
  std::optional<std::string> pattern;  // of a command on those that match; none: on all
  std::vector<lock::Condition> conditions;
  std::vector<std::pair<std::string, std::string>> modifiers;  // of conditions: option and text, as given
};

void declare_key(Options& options, CommandArguments& args);
void declare_conditions(Options& options, CommandArguments& args);

// How a command says what it is, and what it takes besides options.
struct CommandSpec {
  enum class Takes : std::uint8_t { key, keys, key_and_command, pattern, nothing };

  const char* usage;
  const char* examples;
  Takes takes = Takes::key;
};

using Check = std::function<std::optional<CommandResult>()>;

// All that stands between arguments and work: parsing, --help, the environment, the key or keys (from --key or as operands),
// what the command checks besides, and what must be right before any connection is made.
std::optional<CommandResult> parse(Options& options, const RawArguments& arguments, const CommandSpec& spec,
                                   Globals& globals, CommandArguments& args, const Check& also = {});

lock::Job job_of(const Globals& globals, const std::string& key);

}  // namespace condolock::cli
