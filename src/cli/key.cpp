#include "cli/key.hpp"

#include <cstdlib>

#include "util/escape.hpp"

namespace condolock::cli {
namespace {

Ending usage_error(std::string text) { return {exit_code::usage, std::move(text), ""}; }

// The key, from --key or as the only operand.
std::optional<Ending> take_key(const std::vector<std::string>& operands, Asked& asked, const std::string& hint) {
  std::size_t used = 0;
  if (asked.key.empty() && !operands.empty()) {
    const auto key = checked_key(operands[0]);
    if (!key) return usage_error(key.problem());
    asked.key = *key;
    used = 1;
  }
  if (asked.key.empty()) return usage_error("the key is missing: " + hint);
  if (operands.size() > used) return usage_error("'" + escape(operands[used]) + "' is one word too many: " + hint);
  return std::nullopt;
}

std::optional<Ending> take_keys(std::vector<std::string> operands, Asked& asked, const std::string& hint) {
  if (!asked.key.empty()) operands.insert(operands.begin(), asked.key);
  if (operands.empty()) return usage_error("the key is missing: " + hint);
  for (const std::string& key : operands) {
    if (const auto checked = checked_key(key); !checked) return usage_error(checked.problem());
  }
  asked.keys = std::move(operands);
  return std::nullopt;
}

std::optional<Ending> take_pattern(const std::vector<std::string>& operands, std::size_t most, Asked& asked,
                                   const std::string& hint) {
  if (operands.size() > most) return usage_error("'" + escape(operands[most]) + "' is one word too many: " + hint);
  if (!operands.empty()) asked.pattern = operands[0];
  return std::nullopt;
}

std::optional<Ending> take(Frame::Takes what, std::vector<std::string> operands, Asked& asked, const std::string& hint) {
  switch (what) {
    case Frame::Takes::key:
    case Frame::Takes::key_and_command:
      return take_key(operands, asked, hint);
    case Frame::Takes::keys:
      return take_keys(std::move(operands), asked, hint);
    case Frame::Takes::pattern:
      return take_pattern(operands, 1, asked, hint);
    case Frame::Takes::nothing:
      return take_pattern(operands, 0, asked, hint);
  }
  return std::nullopt;
}

// What options say only together.
std::optional<Ending> join_conditions(Asked& asked) {
  bool has_min_time = false;
  for (Condition& condition : asked.conditions) {
    if (auto* min_time = std::get_if<MinTime>(&condition)) {
      has_min_time = true;
      min_time->from = asked.from_start ? From::start : From::end;
    }
  }
  if (asked.has_from && !has_min_time) return usage_error("--min-time-from needs a --min-time D to count");
  return std::nullopt;
}

// For a hint: what was written, but for the password of a URL, since an error may end up in a log.
std::string quoted(std::vector<std::string>::const_iterator from, std::vector<std::string>::const_iterator to) {
  std::string out;
  for (; from != to; ++from) {
    const std::size_t scheme = from->find("://");
    if (scheme != std::string::npos && from->find('@') != std::string::npos) {
      const std::size_t value = from->starts_with("--") ? from->find('=') + 1 : 0;
      out += ' ' + from->substr(0, value) + "URL";
    } else {
      out += ' ' + shell_quoted(*from);
    }
  }
  return out;
}

// Where the guarded command stands before the first `--`, or without one: the line that was probably meant. Asked before an
// error is told of, since the command's own options would be blamed for not being ours.
std::optional<std::string> meant(Options& options, const Arguments& arguments) {
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
    // ... unless an option that is not ours follows: then it is the command.
    if (!has_key && (at >= own.size() || arguments.has_separator)) return std::nullopt;
    if (!has_key) at = first;
  }
  const auto command = own.begin() + static_cast<std::ptrdiff_t>(at);
  std::string line = "condolock run" + quoted(own.begin(), command) + (has_key ? " --" : " --key K --");
  line += quoted(command, own.end());
  if (arguments.has_separator) line += " --" + quoted(arguments.rest.begin(), arguments.rest.end());
  return line;
}

std::optional<Ending> read_config_file(Options& options, const Globals& globals) {
  auto settings = read_config(globals.config);
  if (!settings) return Ending{exit_code::configuration, settings.problem(), ""};
  // The environment's word for --color, which goes before the file's.
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') {
    std::erase_if(*settings, [](const Setting& setting) { return setting.name == "color"; });
  }
  return options.read_settings(*settings);
}

}  // namespace

void declare_key(Options& options, Asked& asked) {
  options.group("Options");
  options.value("--key", "K", "the job's name", [&asked](std::string_view text) -> std::optional<Problem> {
    const auto key = checked_key(text);
    if (!key) return Problem{key.problem()};
    asked.key = *key;
    return std::nullopt;
  });
}

void declare_conditions(Options& options, Asked& asked) {
  options.group("Conditions (all must hold; one that has a NAME can be given several times)");
  for (const ConditionKind& kind : condition_kinds) {
    auto& option = options.value(std::string(kind.option), std::string(kind.form), std::string(kind.help),
                                 [&asked, &kind](std::string_view text) -> std::optional<Problem> {
                                   const auto condition = kind.parse(text);
                                   if (!condition) return Problem{condition.problem()};
                                   asked.conditions.push_back(*condition);
                                   return std::nullopt;
                                 });
    option.repeatable = kind.repeatable;
  }
  options.value("--min-time-from", "WHAT", "count that from the last success' end or start (end)",
                [&asked](std::string_view text) -> std::optional<Problem> {
                  if (text != "start" && text != "end") return Problem{"'" + escape(text) + "' is neither start nor end"};
                  asked.has_from = true;
                  asked.from_start = text == "start";
                  return std::nullopt;
                });
}

std::optional<Ending> parse(Options& options, const Arguments& arguments, const Frame& frame, Globals& globals, Asked& asked,
                            const Check& also) {
  using Takes = Frame::Takes;
  const bool takes_command = frame.takes == Takes::key_and_command;
  const std::string hint = "write " + std::string(frame.usage);
  const auto blamed = [&](const Ending& ending) {
    const auto line = takes_command ? meant(options, arguments) : std::nullopt;
    return line ? usage_error("the command must stand behind a --: write " + *line) : ending;
  };
  std::vector<std::string> operands;
  if (auto ending = options.parse(arguments.own, operands)) return blamed(*ending);
  if (globals.help) {
    return Ending{exit_code::ok, "", "Usage: " + std::string(frame.usage) + "\n" + options.help() + frame.examples};
  }
  if (takes_command && !arguments.has_separator) {
    return blamed(usage_error("the command must stand behind a --: " + hint));
  }
  if (!takes_command) operands.insert(operands.end(), arguments.rest.begin(), arguments.rest.end());
  if (auto ending = options.read_environment()) return ending;

  if (auto ending = take(frame.takes, std::move(operands), asked, hint)) return blamed(*ending);
  if (auto ending = join_conditions(asked)) return ending;
  if (takes_command && (arguments.rest.empty() || arguments.rest[0].empty())) {
    return usage_error("there is no command behind the --: " + hint);
  }
  if (auto ending = read_config_file(options, globals)) return ending;
  if (also) {
    if (auto ending = also()) return ending;
  }
  return settle(options, globals);
}

Job job_of(const Globals& globals, const std::string& key) { return {globals.ns, key}; }

std::string told(const Failure& failure) {
  const auto says = [&](const char* text) { return failure.text.find(text) != std::string::npos; };
  if (failure.fault == Fault::denied && (says("NOAUTH") || says("unauthenticated"))) {
    return failure.text + " (it wants a password: CONDOLOCK_PASSWORD, --password-file or in CONDOLOCK_URL)";
  }
  return failure.text;
}

Ending ended(const Failure& failure) { return {exit_code::of(failure.fault), told(failure), ""}; }

int for_each_key(const Asked& asked, const Console& console,
                 const std::function<std::optional<Failure>(const std::string& key)>& work) {
  int code = exit_code::ok;
  for (const std::string& key : asked.keys) {
    const auto failure = work(key);
    if (!failure) continue;
    console.error(told(*failure));
    if (code == exit_code::ok) code = exit_code::of(failure->fault);
    if (failure->fault != Fault::malformed) break;
  }
  return code;
}

}  // namespace condolock::cli
