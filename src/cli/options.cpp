#include "cli/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

// What CLI11 does to arguments is kept to the least: every option takes exactly one text, operands are its "extras", and the
// command behind `--` never gets here. So no argument is split, unquoted or read as a number by it.
void add_to(CLI::App& app, Options::Option& option) {
  if (option.form.empty()) {
    app.add_flag_function(option.names,
                          [&option](std::int64_t count) { option.texts.assign(static_cast<std::size_t>(count), ""); });
    return;
  }
  auto* added = app.add_option(option.names, option.texts)->type_name(option.form)->allow_extra_args(false);
  if (!option.repeatable) added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Whether an argument could be this option: --name, --name=..., or a -x cluster with its letter.
bool is_mentioned(const Options::Option& option, const std::vector<std::string>& arguments) {
  const std::string name = option.long_name();
  const char letter = option.names[1] == '-' ? '\0' : option.names[1];
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    if (argument.starts_with(name) && (argument.size() == name.size() || argument[name.size()] == '=')) return true;
    return letter != '\0' && argument.size() > 1 && argument[0] == '-' && argument[1] != '-' &&
           argument.find(letter) != std::string::npos;
  });
}

// CLI11 takes several microseconds for each option that it is told of, more than for all the rest of its work. A refused run
// happens each minute on every machine of a fleet, so it is told only of those that may be there.
void add_all(CLI::App& app, std::deque<Options::Option>& options, const std::vector<std::string>& arguments) {
  app.set_help_flag("");
  for (Options::Option& option : options) {
    if (is_mentioned(option, arguments)) add_to(app, option);
  }
}

// As CLI11 wants them: from the back. It takes `--name=` for an option without a value, but an empty value is one.
std::vector<std::string> reversed(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (auto at = arguments.rbegin(); at != arguments.rend(); ++at) {
    if (at->starts_with("--") && at->find('=') == at->size() - 1) {
      out.emplace_back();
      out.push_back(at->substr(0, at->size() - 1));
    } else {
      out.push_back(*at);
    }
  }
  return out;
}

std::string padded(std::string text, std::size_t width) {
  text += text.size() < width ? std::string(width - text.size(), ' ') : "\n" + std::string(width, ' ');
  return text;
}

}  // namespace

std::string Options::Option::long_name() const { return names.substr(names.rfind(',') + 1); }

Options::Option& Options::value(std::string names, std::string form, std::string help, Set set) {
  return options_.emplace_back(
      Option{std::move(names), std::move(form), std::move(help), group_, {}, false, std::move(set), {}});
}

void Options::flag(std::string names, std::string help, bool& into) {
  options_.emplace_back(Option{std::move(names),
                               "",
                               std::move(help),
                               group_,
                               {},
                               true,
                               [&into](std::string_view) -> std::optional<Problem> {
                                 into = true;
                                 return std::nullopt;
                               },
                               {}});
}

std::string Options::hint() const { return "; see condolock " + command_ + (command_.empty() ? "--help" : " --help"); }

std::optional<Ending> Options::parse(const std::vector<std::string>& arguments, std::vector<std::string>& operands) {
  CLI::App app;
  add_all(app, options_, arguments);
  app.allow_extras();
  try {
    app.parse(reversed(arguments));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();  // "--name: ..."
    return Ending{exit_code::usage, text.substr(0, text.find(':')) + " needs a value" + hint(), ""};
  } catch (const CLI::ParseError& error) {
    return Ending{exit_code::usage, error.what() + hint(), ""};
  }
  operands = app.remaining();
  for (const std::string& operand : operands) {
    if (operand.size() > 1 && operand[0] == '-') {
      return Ending{exit_code::usage, "there is no option " + escape(operand) + hint(), ""};
    }
  }
  for (const Option& option : options_) {
    if (option.texts.size() > 1 && !option.repeatable) {
      return Ending{exit_code::usage, option.long_name() + " can be given only once" + hint(), ""};
    }
    for (const std::string& text : option.texts) {
      if (const auto problem = option.set(text)) {
        return Ending{exit_code::usage, option.long_name() + ": " + problem->text + hint(), ""};
      }
    }
    if (!option.texts.empty()) continue;
    for (const std::string& variable : option.environment) {
      const char* text = std::getenv(variable.c_str());
      if (text == nullptr || *text == '\0') continue;
      if (const auto problem = option.set(text)) {
        return Ending{exit_code::configuration, "the environment's " + variable + ": " + problem->text, ""};
      }
      break;
    }
  }
  return std::nullopt;
}

bool Options::was_given(std::string_view long_name) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.long_name() == long_name; });
  return found != options_.end() && !found->texts.empty();
}

std::size_t Options::before_operand(Options& options, const std::vector<std::string>& arguments) {
  CLI::App app;
  add_all(app, options.options_, arguments);
  app.prefix_command();
  try {
    app.parse(reversed(arguments));
  } catch (const CLI::ParseError&) {
    return arguments.size();
  }
  return arguments.size() - app.remaining().size();
}

std::string Options::help() const {
  std::string out;
  std::string group;
  for (const Option& option : options_) {
    if (option.group != group) {
      group = option.group;
      out += "\n" + group + ":\n";
    }
    std::string names = option.names;
    const std::size_t comma = names.find(',');
    if (comma != std::string::npos) names.insert(comma + 1, " ");
    const std::string left = "  " + names + (option.form.empty() ? "" : " " + option.form);
    out += padded(left, 26) + option.help + "\n";
  }
  return out;
}

Options::Set duration_into(Millis& into, Millis least) {
  return [&into, least](std::string_view text) -> std::optional<Problem> {
    const auto duration = parse_duration(text);
    if (!duration) return Problem{duration.problem()};
    if (*duration < least) return Problem{"must be at least " + format_duration(least)};
    into = *duration;
    return std::nullopt;
  };
}

Options::Set duration_into(std::optional<Millis>& into) {
  return [&into](std::string_view text) -> std::optional<Problem> {
    const auto duration = parse_duration(text);
    if (!duration) return Problem{duration.problem()};
    into = *duration;
    return std::nullopt;
  };
}

Options::Set code_into(int& into) {
  return [&into](std::string_view text) -> std::optional<Problem> {
    const auto code = parse_number<int>(text);
    if (!code || *code < 0 || *code > 255) return Problem{"'" + escape(text) + "' is not an exit code: 0 to 255"};
    into = *code;
    return std::nullopt;
  };
}

Options::Set text_into(std::string& into) {
  return [&into](std::string_view text) -> std::optional<Problem> {
    into = text;
    return std::nullopt;
  };
}

}  // namespace condolock::cli
