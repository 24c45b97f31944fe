// Shared by several commands: parsing a key, conditions and the other arguments.
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
  std::string key;                     // for a command on one key
  std::vector<std::string> keys;       // for a command on several keys
  bool all = false;                    // for a command on several keys: --all, the whole namespace
  std::optional<std::string> pattern;  // for a command on matching keys; none: all keys
  std::optional<Millis> older_than;    // for keys_or_old
  std::vector<lock::Condition> conditions;
  std::vector<std::pair<std::string, std::string>> modifiers;  // of conditions: option and text, as given
};

void declare_key(Options& options, CommandArguments& args);
void declare_conditions(Options& options, CommandArguments& args);

// The help text of a command, and the operands that it takes.
struct CommandSpec {
  enum class Takes : std::uint8_t {
    key,
    keys,
    keys_or_all,  // keys, or --all
    key_and_command,
    key_and_ignored,  // a key; everything after -- is ignored
    keys_or_old,      // keys, or with --older-than a glob or nothing
    pattern,
    key_or_pattern,  // a key, a glob, or nothing
    nothing
  };

  const char* usage;
  const char* examples;
  Takes takes = Takes::key;
};

using Check = std::function<std::optional<CommandResult>()>;

// Handles, in this order: the options, --help, the environment, the key or keys (from --key or operands), the config file,
// the command's own check `also`, and settle(). Makes no connection. Returns a result if the command ends here.
std::optional<CommandResult> parse(Options& options, const RawArguments& arguments, const CommandSpec& spec,
                                   Globals& globals, CommandArguments& args, const Check& also = {});

// The same for a command that makes no connection: it handles the options, --help and at most `max` operands. It reads
// neither the environment nor the config file, so a mistake in them does no harm.
std::optional<CommandResult> parse_without_settings(Options& options, const RawArguments& arguments, const CommandSpec& spec,
                                                    const Globals& globals, std::size_t max,
                                                    std::vector<std::string>& operands);

lock::Job job_of(const Globals& globals, const std::string& key);

}  // namespace condolock::cli
