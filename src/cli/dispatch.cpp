// Finds the command in the arguments, and calls it.
#include "cli/dispatch.hpp"

#include <algorithm>

#include "cli/args/globals.hpp"
#include "cli/commands/help_command.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

RawArguments split(const std::vector<std::string>& arguments) {
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  RawArguments out{{arguments.begin(), separator}, separator != arguments.end(), {}};
  if (out.has_separator) out.rest.assign(separator + 1, arguments.end());
  return out;
}

}  // namespace

CommandResult dispatch(const std::vector<std::string>& arguments) {
  RawArguments split_up = split(arguments);
  auto& own = split_up.own;
  // Only global options may precede the command. If there are none, which is the usual case, nothing is parsed here.
  std::size_t at = 0;
  if (!own.empty() && find_command(own[0]) == nullptr) {
    Globals globals;
    bool version = false;
    Options options("");
    declare(options, globals);
    options.flag("--version", "print the version", version);
    at = options.before_operand(own);
    std::vector<std::string> operands;
    const std::vector<std::string> before(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(at));
    if (auto result = options.parse(before, operands)) return *result;
    if (version) return program_version();
    if (globals.help) return program_help();
  }
  if (at == own.size()) {
    return {exit_code::usage, "the command is missing: write condolock run --key K -- CMD [ARG...], or see condolock --help",
            ""};
  }
  const Command* command = find_command(own[at]);
  if (command == nullptr && own[at].starts_with('-')) {
    return {exit_code::usage,
            util::escape(own[at]) + " must come after the command: write condolock COMMAND " + util::escape(own[at]) +
                " ...; see condolock --help",
            ""};
  }
  if (command == nullptr) return unknown_command(own[at]);
  own.erase(own.begin() + static_cast<std::ptrdiff_t>(at));
  return command->main(split_up);
}

}  // namespace condolock::cli
