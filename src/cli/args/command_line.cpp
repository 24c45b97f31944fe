#include "cli/args/command_line.hpp"

#include <cstdlib>

#include "util/escape.hpp"

namespace condolock::cli {
namespace {

CommandResult usage_error(std::string text) { return {exit_code::usage, std::move(text), ""}; }

// Takes the key from --key or from the only operand.
std::optional<CommandResult> take_key(const std::vector<std::string>& operands, CommandArguments& args,
                                      const std::string& hint) {
  std::size_t used = 0;
  if (args.key.empty() && !operands.empty()) {
    const auto key = lock::checked_key(operands[0]);
    if (!key) return usage_error(key.error().text);
    args.key = *key;
    used = 1;
  }
  if (args.key.empty()) return usage_error("the key is missing; " + hint);
  if (operands.size() > used) return usage_error("unexpected argument '" + util::escape(operands[used]) + "'; " + hint);
  return std::nullopt;
}

std::optional<CommandResult> take_keys(std::vector<std::string> operands, CommandArguments& args, const std::string& hint) {
  if (!args.key.empty()) operands.insert(operands.begin(), args.key);
  if (operands.empty()) return usage_error("the key is missing; " + hint);
  for (const std::string& key : operands) {
    if (const auto checked = lock::checked_key(key); !checked) return usage_error(checked.error().text);
  }
  args.keys = std::move(operands);
  return std::nullopt;
}

std::optional<CommandResult> take_pattern(const std::vector<std::string>& operands, std::size_t max, CommandArguments& args,
                                          const std::string& hint) {
  if (operands.size() > max) return usage_error("unexpected argument '" + util::escape(operands[max]) + "'; " + hint);
  if (!operands.empty()) args.pattern = operands[0];
  return std::nullopt;
}

std::optional<CommandResult> take(CommandSpec::Takes what, std::vector<std::string> operands, CommandArguments& args,
                                  const std::string& hint) {
  switch (what) {
    case CommandSpec::Takes::key:
    case CommandSpec::Takes::key_and_command:
    case CommandSpec::Takes::key_and_ignored:
      return take_key(operands, args, hint);
    case CommandSpec::Takes::keys:
      return take_keys(std::move(operands), args, hint);
    case CommandSpec::Takes::keys_or_old:
      if (!args.older_than) return take_keys(std::move(operands), args, hint);
      if (args.key.empty()) return take_pattern(operands, 1, args, hint);
      return usage_error("--older-than takes a GLOB, not --key; " + hint);
    case CommandSpec::Takes::keys_or_all:
      if (!args.all) return take_keys(std::move(operands), args, hint);
      if (operands.empty() && args.key.empty()) return std::nullopt;
      return usage_error("--all cannot be combined with the key " + util::escape(operands.empty() ? args.key : operands[0]) +
                         "; " + hint);
    case CommandSpec::Takes::pattern:
      return take_pattern(operands, 1, args, hint);
    case CommandSpec::Takes::key_or_pattern:
      if (args.key.empty()) return take_pattern(operands, 1, args, hint);
      return take_key(operands, args, hint);
    case CommandSpec::Takes::nothing:
      return take_pattern(operands, 0, args, hint);
  }
  return std::nullopt;
}

// Applies the modifiers after all options are parsed, since a modifier may precede its condition.
std::optional<CommandResult> apply_modifiers(CommandArguments& args) {
  for (const auto& [option, text] : args.modifiers) {
    if (const auto problem = lock::modify(args.conditions, option, text)) return usage_error(problem->text);
  }
  return std::nullopt;
}

// Quotes arguments for a hint. Replaces a URL that may contain a password, since errors may end up in a log.
std::string quoted(std::vector<std::string>::const_iterator from, std::vector<std::string>::const_iterator to) {
  std::string out;
  for (; from != to; ++from) {
    const std::size_t scheme = from->find("://");
    if (scheme != std::string::npos && from->find('@') != std::string::npos) {
      const std::size_t value = from->starts_with("--") ? from->find('=') + 1 : 0;
      out += ' ' + from->substr(0, value) + "URL";
    } else {
      out += ' ' + util::shell_quoted(*from);
    }
  }
  return out;
}

// Returns the line that the user probably meant, if the command comes before the first `--` or there is no `--`. Call this
// before reporting an error. Otherwise the error would blame an option of the command as unknown.
std::optional<std::string> meant(Options& options, const RawArguments& arguments) {
  const std::vector<std::string>& own = arguments.own;
  const auto after = [&](std::size_t at) {
    return options.before_operand({own.begin() + static_cast<std::ptrdiff_t>(at), own.end()});
  };
  const auto is_operand = [&](std::size_t at) { return at < own.size() && !own[at].starts_with('-'); };
  std::size_t at = after(0);
  bool has_key = options.was_given("--key");
  const std::size_t first = at;
  if (options.was_given("--help") || !is_operand(at)) return std::nullopt;
  if (!has_key) {
    at += 1 + after(at + 1);  // the operand is the key
    has_key = is_operand(at);
    // An unknown option after the operand means that the operand is the command.
    if (!has_key && (at >= own.size() || arguments.has_separator)) return std::nullopt;
    if (!has_key) at = first;
  }
  const auto command = own.begin() + static_cast<std::ptrdiff_t>(at);
  std::string line = "condolock run" + quoted(own.begin(), command) + (has_key ? " --" : " --key K --");
  line += quoted(command, own.end());
  if (arguments.has_separator) line += " --" + quoted(arguments.rest.begin(), arguments.rest.end());
  return line;
}

CommandResult help(const Options& options, const CommandSpec& spec) {
  return {exit_code::ok, "", "Usage: " + std::string(spec.usage) + "\n" + options.help() + spec.examples};
}

std::optional<CommandResult> read_config_file(Options& options, Globals& globals) {
  auto config = read_config(globals.config);
  if (!config) return CommandResult{exit_code::configuration, config.error().text, ""};
  if (config->is_exposed) globals.exposed_config = config->path;
  auto* settings = &config->settings;
  // NO_COLOR overrides the config file, as every environment variable does.
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') {
    std::erase_if(*settings, [](const Setting& setting) { return setting.name == "color"; });
  }
  return options.read_settings(*settings);
}

}  // namespace

void declare_key(Options& options, CommandArguments& args) {
  options.group("Options");
  options.value("--key", "K", "the job's name", [&args](std::string_view text) -> std::optional<util::Problem> {
    const auto key = lock::checked_key(text);
    if (!key) return key.error();
    args.key = *key;
    return std::nullopt;
  });
}

void declare_conditions(Options& options, CommandArguments& args) {
  options.group("Conditions (all must hold; those with a NAME are repeatable)");
  for (const lock::ConditionKind& kind : lock::condition_kinds) {
    auto& option = options.value(std::string(kind.option), std::string(kind.form), std::string(kind.help),
                                 [&args, &kind](std::string_view text) -> std::optional<util::Problem> {
                                   const auto condition = kind.parse(text);
                                   if (!condition) return condition.error();
                                   args.conditions.push_back(*condition);
                                   return std::nullopt;
                                 });
    option.repeatable = kind.repeatable;
  }
  for (const lock::ConditionKind& kind : lock::condition_kinds) {
    if (!kind.modifier) continue;
    const std::string option(kind.modifier->option);
    options.value(option, std::string(kind.modifier->form), std::string(kind.modifier->help),
                  [&args, &kind, option](std::string_view text) -> std::optional<util::Problem> {
                    args.modifiers.emplace_back(option, text);
                    return kind.check_modifier(text);
                  });
  }
}

std::optional<CommandResult> parse(Options& options, const RawArguments& arguments, const CommandSpec& spec,
                                   Globals& globals, CommandArguments& args, const Check& also) {
  using Takes = CommandSpec::Takes;
  const bool takes_command = spec.takes == Takes::key_and_command;
  const std::string hint = "usage: " + std::string(spec.usage);
  const auto blamed = [&](const CommandResult& result) {
    const auto line = takes_command ? meant(options, arguments) : std::nullopt;
    return line ? usage_error("the command must come after --: write " + *line) : result;
  };
  std::vector<std::string> operands;
  auto usage_problem = options.parse(arguments.own, operands);
  stamp_lines(options.was_given("--verbose"));  // already here, so that errors below get the time too
  if (usage_problem) return blamed(*usage_problem);
  if (globals.help) return help(options, spec);
  if (takes_command && !arguments.has_separator) {
    return blamed(usage_error("the command must come after --; " + hint));
  }
  if (!takes_command && spec.takes != Takes::key_and_ignored)
    operands.insert(operands.end(), arguments.rest.begin(), arguments.rest.end());
  if (auto result = options.read_environment()) return result;
  stamp_lines(globals.verbose);

  if (auto result = take(spec.takes, std::move(operands), args, hint)) return blamed(*result);
  if (auto result = apply_modifiers(args)) return result;
  if (takes_command && (arguments.rest.empty() || arguments.rest[0].empty())) {
    return usage_error("the command after -- is missing; " + hint);
  }
  if (auto result = read_config_file(options, globals)) return result;
  if (also) {
    if (auto result = also()) return result;
  }
  return settle(options, globals);
}

std::optional<CommandResult> parse_without_settings(Options& options, const RawArguments& arguments, const CommandSpec& spec,
                                                    const Globals& globals, std::size_t max,
                                                    std::vector<std::string>& operands) {
  if (auto result = options.parse(arguments.own, operands)) return result;
  if (globals.help) return help(options, spec);
  operands.insert(operands.end(), arguments.rest.begin(), arguments.rest.end());
  if (operands.size() <= max) return std::nullopt;
  return usage_error("unexpected argument '" + util::escape(operands[max]) + "'; usage: " + std::string(spec.usage));
}

lock::Job job_of(const Globals& globals, const std::string& key) { return {globals.ns, key}; }

}  // namespace condolock::cli
