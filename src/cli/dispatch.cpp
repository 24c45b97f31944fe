// Finds the command in the arguments, and calls it.
#include "cli/dispatch.hpp"

#include <algorithm>

#include "cli/args/globals.hpp"
#include "cli/commands/commands.hpp"
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

std::string help(const Options& options) {
  std::string out = introduction;
  for (const Command& command : commands) {
    std::string name = "  " + std::string(command.name);
    name.resize(14, ' ');
    out += name + std::string(command.summary) + "\n";
  }
  out += options.help() + "\nExit codes, besides the guarded command's own:\n";
  for (const auto& [code, meaning] : exit_code::table) {
    std::string number = "  " + std::to_string(code);
    number.resize(7, ' ');
    out += number + std::string(meaning) + "\n";
  }
  return out;
}

const Command* find_command(const std::string& name) {
  const auto* found = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  return found == commands.end() ? nullptr : found;
}

CommandResult unknown_command(const std::string& name) {
  std::vector<std::string_view> names{"help", "version"};
  for (const Command& each : commands) names.push_back(each.name);
  return {exit_code::usage,
          "unknown command '" + util::escape(name) + "'" + util::did_you_mean(name, names) + "; see condolock --help", ""};
}

// help [COMMAND] and version: what --help and --version print, under the names that other tools have for it.
std::optional<CommandResult> help_or_version(const std::vector<std::string>& own) {
  const auto unexpected = [&](std::size_t at) {
    return CommandResult{exit_code::usage, "unexpected argument '" + util::escape(own[at]) + "'; see condolock --help", ""};
  };
  const auto is_help = [&](std::size_t at) { return own.size() == at + 1 && (own[at] == "--help" || own[at] == "-h"); };
  if ((own[0] == "version" || own[0] == "help") && is_help(1)) return dispatch({"--help"});
  if (own[0] == "version") return own.size() == 1 ? dispatch({"--version"}) : unexpected(1);
  if (own[0] != "help") return std::nullopt;
  if (own.size() == 1 || (own.size() == 2 && (own[1] == "help" || own[1] == "version"))) return dispatch({"--help"});
  if (find_command(own[1]) == nullptr) return unknown_command(own[1]);
  return own.size() == 2 || is_help(2) ? dispatch({own[1], "--help"}) : unexpected(2);
}

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
    if (auto result = help_or_version(own)) return *result;
    Globals globals;
    bool version = false;
    Options options("");
    declare(options, globals);
    options.flag("--version", "print the version", version);
    at = options.before_operand(own);
    std::vector<std::string> operands;
    const std::vector<std::string> before(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(at));
    if (auto result = options.parse(before, operands)) return *result;
    if (version) return {exit_code::ok, "", "condolock " CONDOLOCK_VERSION "\n"};
    if (globals.help) return {exit_code::ok, "", help(options)};
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
