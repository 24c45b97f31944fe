#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/completion_scripts.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec completion_spec{"condolock completion bash|zsh|fish", R"(
Prints the completion script of a shell. It needs no server and no config file.

Examples:
  source <(condolock completion bash)       in ~/.bashrc
  source <(condolock completion zsh)        in ~/.zshrc, after compinit
  condolock completion fish | source        in ~/.config/fish/config.fish
)",
                                      CommandSpec::Takes::nothing};

}  // namespace

CommandResult completion_command(const RawArguments& arguments) {
  Globals globals;
  Options options("completion");
  declare(options, globals);
  std::vector<std::string> operands;
  if (auto result = parse_without_settings(options, arguments, completion_spec, globals, 1, operands)) return *result;
  const std::string hint = "; usage: " + std::string(completion_spec.usage);
  if (operands.empty()) return {exit_code::usage, "the shell is missing" + hint, ""};

  for (const auto& [shell, text] : completion_scripts()) {
    if (operands[0] == shell) return {exit_code::ok, "", std::string(text)};
  }
  return {exit_code::usage, "unknown shell '" + util::escape(operands[0]) + "': use bash, zsh or fish", ""};
}

}  // namespace condolock::cli
