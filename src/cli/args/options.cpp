#include "cli/args/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/nearest.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

// CLI11 must not split, unquote or convert arguments. So every option takes exactly one text, operands are CLI11's "extras",
// and the command after `--` never gets here.
void add_to(CLI::App& app, Options::Option& option) {
  option.texts.clear();
  if (option.form.empty()) {
    app.add_flag_function(option.names,
                          [&option](std::int64_t count) { option.texts.assign(static_cast<std::size_t>(count), ""); })
        ->disable_flag_override();
    return;
  }
  auto* added = app.add_option(option.names, option.texts)->type_name(option.form)->allow_extra_args(false);
  if (!option.repeatable) added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Whether an argument may be this option: --name, --name=..., or a cluster such as -qv with its letter.
bool is_mentioned(const Options::Option& option, const std::vector<std::string>& arguments) {
  const std::string name = option.long_name();
  const char letter = option.names[1] == '-' ? '\0' : option.names[1];
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    if (argument.starts_with(name) && (argument.size() == name.size() || argument[name.size()] == '=')) return true;
    return letter != '\0' && argument.size() > 1 && argument[0] == '-' && argument[1] != '-' &&
           argument.find(letter) != std::string::npos;
  });
}

// CLI11 takes several microseconds for each declared option, more than for the rest of its work. Every machine of a fleet
// may have a refused run each minute. So this declares only the options that the arguments may contain.
void add_all(CLI::App& app, std::deque<Options::Option>& options, const std::vector<std::string>& arguments) {
  app.set_help_flag("");
  for (Options::Option& option : options) {
    if (is_mentioned(option, arguments)) add_to(app, option);
  }
}

// CLI11 treats `--name=` as an option without a value, but here the value is empty. So marked() appends a mark to such an
// argument, and to one that already ends in a mark. unmark() removes one mark from every text.
constexpr char mark = '\x1f';

// Returns the arguments in reverse order, as CLI11 expects them.
std::vector<std::string> marked(const std::vector<std::string>& arguments) {
  std::vector<std::string> out(arguments.rbegin(), arguments.rend());
  for (std::string& each : out) {
    if (each.ends_with(mark) || (each.starts_with("--") && each.find('=') == each.size() - 1)) each += mark;
  }
  return out;
}

void unmark(std::vector<std::string>& texts) {
  for (std::string& each : texts) {
    if (each.ends_with(mark)) each.pop_back();
  }
}

std::optional<util::Problem> set_flag(bool& into, std::string_view text) {
  const auto is_one_of = [text](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (!is_one_of({"", "1", "true", "yes", "on", "0", "false", "no", "off"})) {
    return util::Problem{"invalid value '" + util::escape(text) + "': use yes (1, true, on) or no (0, false, off)"};
  }
  into = is_one_of({"", "1", "true", "yes", "on"});
  return std::nullopt;
}

constexpr std::size_t help_width = 80;

std::string padded(std::string text, std::size_t width) {
  text += text.size() < width ? std::string(width - text.size(), ' ') : "\n" + std::string(width, ' ');
  return text;
}

}  // namespace

std::string Options::Option::long_name() const { return names.substr(names.rfind(',') + 1); }

Options::Option& Options::value(std::string names, std::string form, std::string help, Set set) {
  return options_.emplace_back(
      Option{std::move(names), std::move(form), std::move(help), group_, {}, false, std::move(set), {}, "", ""});
}

Options::Option& Options::flag(std::string names, std::string help, bool& into) {
  Option& flag =
      value(std::move(names), "", std::move(help), [&into](std::string_view text) { return set_flag(into, text); });
  flag.repeatable = true;
  return flag;
}

std::string Options::nearest_to(const std::string& argument) const {
  const std::vector<std::string> names = long_names();
  return util::did_you_mean(argument.substr(0, argument.find('=')), {names.begin(), names.end()});
}

std::vector<std::string> Options::long_names() const {
  std::vector<std::string> out;
  out.reserve(options_.size());
  for (const Option& option : options_) out.push_back(option.long_name());
  return out;
}

std::string Options::hint() const { return "; see condolock " + command_ + (command_.empty() ? "--help" : " --help"); }

std::optional<CommandResult> Options::parse(const std::vector<std::string>& arguments, std::vector<std::string>& operands) {
  const auto wrong = [this](const std::string& text) { return CommandResult{exit_code::usage, text + hint(), ""}; };
  CLI::App app;
  add_all(app, options_, arguments);
  app.allow_extras();
  try {
    app.parse(marked(arguments));
  } catch (const CLI::ArgumentMismatch& error) {
    // There are only two causes: a value is missing, or a flag has one. The text begins with the option's name, with or
    // without its dashes.
    const std::string text = error.what();
    std::string name = text.substr(0, text.find_first_of(": "));
    if (!name.starts_with('-')) name.insert(0, "--");
    return wrong(name + (is_flag(name) ? " takes no value" : " needs a value"));
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  operands = app.remaining();
  unmark(operands);
  for (const std::string& operand : operands) {
    if (operand.size() > 1 && operand[0] == '-')
      return wrong("unknown option " + util::escape(operand) + nearest_to(operand));
  }
  for (Option& option : options_) {
    unmark(option.texts);
    if (option.texts.size() > 1 && !option.repeatable) return wrong(option.long_name() + " can be given only once");
    for (const std::string& text : option.texts) {
      if (const auto problem = option.set(text)) return wrong(option.long_name() + ": " + problem->text);
    }
  }
  return std::nullopt;
}

std::optional<CommandResult> Options::read_environment() {
  for (Option& option : options_) {
    if (!option.texts.empty()) continue;
    for (const std::string& variable : option.environment) {
      const char* text = std::getenv(variable.c_str());
      if (text == nullptr || *text == '\0') continue;
      option.variable = variable;
      if (const auto problem = option.set(text)) {
        return CommandResult{exit_code::configuration, variable + ": " + problem->text, ""};
      }
      break;
    }
  }
  return std::nullopt;
}

std::optional<CommandResult> Options::read_settings(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    const auto wrong = [&setting](const std::string& text) {
      return CommandResult{exit_code::configuration, setting.source + ": " + setting.name + ": " + text, ""};
    };
    const auto option = std::find_if(options_.begin(), options_.end(),
                                     [&](const Option& each) { return each.long_name() == "--" + setting.name; });
    if (option == options_.end() || !option->texts.empty() || !option->variable.empty()) continue;
    option->setting = setting.source + ": " + setting.name;
    const bool may_be_many = option->repeatable && !option->form.empty();
    if (setting.texts.size() != 1 && !may_be_many) return wrong("takes one value, not an array");
    for (const std::string& text : setting.texts) {
      if (const auto problem = option->set(text)) return wrong(problem->text);
    }
  }
  return std::nullopt;
}

bool Options::is_flag(std::string_view name) const {
  return std::any_of(options_.begin(), options_.end(), [name](const Option& option) {
    return option.form.empty() && (option.long_name() == name || option.names.starts_with(std::string(name) + ","));
  });
}

const Options::Option* Options::find(std::string_view long_name) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.long_name() == long_name; });
  return found == options_.end() ? nullptr : &*found;
}

bool Options::was_given(std::string_view long_name) const { return source(long_name) == Source::command_line; }

Options::Source Options::source(std::string_view long_name) const {
  const Option* option = find(long_name);
  if (option == nullptr) return Source::none;
  if (!option->texts.empty()) return Source::command_line;
  if (!option->variable.empty()) return Source::environment;
  return option->setting.empty() ? Source::none : Source::config;
}

std::string Options::named(std::string_view long_name) const {
  const Option* option = find(long_name);
  if (option == nullptr || (option->variable.empty() && option->setting.empty())) return std::string(long_name);
  return option->variable.empty() ? option->setting : option->variable;
}

std::size_t Options::before_operand(const std::vector<std::string>& arguments) {
  CLI::App app;
  add_all(app, options_, arguments);
  app.prefix_command();
  try {
    app.parse(marked(arguments));
  } catch (const CLI::ParseError&) {
    return arguments.size();
  }
  const std::vector<std::string> rest = app.remaining();
  if (rest.empty() || !rest[0].starts_with('-') || rest[0] == "-") return arguments.size() - rest.size();
  // CLI11 goes on parsing after an unknown option, so `rest` lacks the known options after it.
  return static_cast<std::size_t>(std::find(arguments.begin(), arguments.end(), rest[0]) - arguments.begin());
}

void Options::common_group(std::string title) {
  common_ = title;
  group(std::move(title));
}

std::string Options::help() const {
  std::string out;
  std::string group;
  std::string line;
  for (const Option& option : options_) {
    if (option.group.empty()) continue;
    const bool only_named = option.group == common_ && !command_.empty();
    if (option.group != group) {
      group = option.group;
      out += "\n" + group + (only_named ? " (see condolock --help)" : "") + ":\n";
    }
    std::string left = option.names;
    const std::size_t comma = left.find(',');
    if (comma != std::string::npos) left.insert(comma + 1, " ");
    if (!option.form.empty()) left += " " + option.form;
    if (!only_named) {
      out += padded("  " + left, 26) + option.help + "\n";
      continue;
    }
    if (line.size() + left.size() + 4 > help_width) out += std::exchange(line, "") + ",\n";
    line += (line.empty() ? "  " : ", ") + left;
  }
  return line.empty() ? out : out + line + "\n";
}

Options::Set duration_into(Millis& into, Millis min) {
  return [&into, min](std::string_view text) -> std::optional<util::Problem> {
    const auto duration = util::parse_duration(text);
    if (!duration) return duration.error();
    if (*duration < min) return util::Problem{"must be at least " + util::format_duration(min)};
    into = *duration;
    return std::nullopt;
  };
}

Options::Set duration_into(std::optional<Millis>& into, Millis min) {
  return [&into, min](std::string_view text) { return duration_into(into.emplace(), min)(text); };
}

Options::Set code_into(int& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    const auto code = util::parse_number<int>(text);
    if (!code || *code < 0 || *code > 255)
      return util::Problem{"invalid exit code '" + util::escape(text) + "': use 0 to 255"};
    into = *code;
    return std::nullopt;
  };
}

Options::Set number_into(std::int64_t& into, std::int64_t min, std::int64_t max) {
  return [&into, min, max](std::string_view text) -> std::optional<util::Problem> {
    const auto number = util::parse_number<std::int64_t>(text);
    if (!number || *number < min || *number > max) {
      return util::Problem{"invalid number '" + util::escape(text) + "': use " + std::to_string(min) + " to " +
                           std::to_string(max)};
    }
    into = *number;
    return std::nullopt;
  };
}

Options::Set text_into(std::string& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    into = text;
    return std::nullopt;
  };
}

Options::Set file_into(std::string& into) {
  return [&into](std::string_view text) -> std::optional<util::Problem> {
    if (text.empty()) return util::Problem{"the name of the file is empty: name a file, or omit the option"};
    into = text;
    return std::nullopt;
  };
}

Options::Set file_into(std::optional<std::string>& into) {
  return [&into](std::string_view text) { return file_into(into.emplace())(text); };
}

}  // namespace condolock::cli
