#include "cli/commands/help_command.hpp"

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "util/escape.hpp"
#include "util/nearest.hpp"
#include "version.hpp"

namespace condolock::cli {
namespace {

constexpr const char* introduction =
    R"(Runs a command if its conditions hold in Redis and nobody else runs it, keeps
others out until it ends, and records when it succeeded.
Usage: condolock COMMAND [OPTION...]    (see also: condolock COMMAND --help)
Example: condolock run --key K --min-time 5m --accessed-prior check:5m -- cmd

Commands:
)";

constexpr CommandSpec help_spec{"condolock help [COMMAND]", R"(
Prints the commands and the global options, or the help of one command.

Example:
  condolock help run
)",
                                CommandSpec::Takes::nothing};

constexpr CommandSpec version_spec{"condolock version", R"(
Prints the version.

Example:
  condolock version
)",
                                   CommandSpec::Takes::nothing};

}  // namespace

CommandResult program_help() {
  std::string out = introduction;
  for (const Command& command : commands) {
    std::string name = "  " + std::string(command.name);
    name.resize(14, ' ');
    out += name + std::string(command.summary) + "\n";
  }
  Globals globals;
  Options options("");
  declare(options, globals);
  out += options.help() + "\nExit codes, besides the guarded command's own:\n";
  for (const auto& [code, meaning] : exit_code::table) {
    std::string number = "  " + std::to_string(code);
    number.resize(7, ' ');
    out += number + std::string(meaning) + "\n";
  }
  return {exit_code::ok, "", out};
}

CommandResult program_version() { return {exit_code::ok, "", "condolock " CONDOLOCK_VERSION "\n"}; }

const Command* find_command(const std::string& name) {
  const auto* found = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  return found == commands.end() ? nullptr : found;
}

CommandResult unknown_command(const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(commands.size());
  for (const Command& each : commands) names.push_back(each.name);
  return {exit_code::usage,
          "unknown command '" + util::escape(name) + "'" + util::did_you_mean(name, names) + "; see condolock --help", ""};
}

CommandResult help_command(const RawArguments& arguments) {
  Globals globals;
  Options options("help");
  declare(options, globals);
  std::vector<std::string> operands;
  if (auto result = parse_without_settings(options, arguments, help_spec, globals, 1, operands)) return *result;
  if (operands.empty()) return program_help();
  const Command* command = find_command(operands[0]);
  return command == nullptr ? unknown_command(operands[0]) : command->main({{"--help"}, false, {}});
}

CommandResult version_command(const RawArguments& arguments) {
  Globals globals;
  Options options("version");
  declare(options, globals);
  std::vector<std::string> operands;
  if (auto result = parse_without_settings(options, arguments, version_spec, globals, 0, operands)) return *result;
  return program_version();
}

}  // namespace condolock::cli
