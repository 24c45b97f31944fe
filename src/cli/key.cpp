#include "cli/key.hpp"

#include "util/escape.hpp"

namespace condolock::cli {

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
  options.group("Conditions (all must hold)");
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
  options.value("--min-time-from", "WHAT", "count --min-time from the last success' end or start (end)",
                [&asked](std::string_view text) -> std::optional<Problem> {
                  if (text != "start" && text != "end") return Problem{"'" + escape(text) + "' is neither start nor end"};
                  asked.has_from = true;
                  asked.from_start = text == "start";
                  return std::nullopt;
                });
}

std::optional<Ending> settle(const std::vector<std::string>& operands, Asked& asked, const std::string& hint) {
  std::size_t used = 0;
  if (asked.key.empty() && !operands.empty()) {
    const auto key = checked_key(operands[0]);
    if (!key) return Ending{exit_code::usage, key.problem(), ""};
    asked.key = *key;
    used = 1;
  }
  if (asked.key.empty()) return Ending{exit_code::usage, "the key is missing: " + hint, ""};
  if (operands.size() > used) {
    return Ending{exit_code::usage, "'" + escape(operands[used]) + "' is one word too many: " + hint, ""};
  }
  bool has_min_time = false;
  for (Condition& condition : asked.conditions) {
    if (auto* min_time = std::get_if<MinTime>(&condition)) {
      has_min_time = true;
      min_time->from = asked.from_start ? From::start : From::end;
    }
  }
  if (asked.has_from && !has_min_time) {
    return Ending{exit_code::usage, "--min-time-from needs a --min-time D to count", ""};
  }
  return std::nullopt;
}

std::optional<Ending> parse(Options& options, const Arguments& arguments, const Frame& frame, Globals& globals,
                            Asked& asked) {
  std::vector<std::string> operands;
  if (auto ending = options.parse(arguments.own, operands)) return ending;
  if (globals.help)
    return Ending{exit_code::ok, "", "Usage: " + std::string(frame.usage) + "\n" + options.help() + frame.examples};
  operands.insert(operands.end(), arguments.rest.begin(), arguments.rest.end());
  const std::string hint = "write " + std::string(frame.usage);
  if (!frame.many_keys) {
    if (auto ending = settle(operands, asked, hint)) return ending;
    return settle(options, globals);
  }
  if (!asked.key.empty()) operands.insert(operands.begin(), asked.key);
  if (operands.empty()) return Ending{exit_code::usage, "the key is missing: " + hint, ""};
  for (const std::string& key : operands) {
    if (const auto checked = checked_key(key); !checked) return Ending{exit_code::usage, checked.problem(), ""};
  }
  asked.keys = std::move(operands);
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

}  // namespace condolock::cli
