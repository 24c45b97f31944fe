// Conditions: each accepted text is shown so that it can be parsed again, and acquire.lua can judge it. An input has one
// condition on each line: an option without its dashes, a space, its text. "min-time-from" modifies the conditions before
// it.
#include "lock/condition.hpp"

#include "fuzz.hpp"
#include "memory_job.hpp"
#include "util/number.hpp"

using namespace condolock;

namespace {

const lock::ConditionKind* kind_of(std::string_view name) {
  for (const lock::ConditionKind& kind : lock::condition_kinds) {
    if (kind.option.substr(2) == name) return &kind;
  }
  return nullptr;
}

void check_encoding(const lock::Condition& condition) {
  const lock::EncodedCondition encoded = lock::encode(condition);
  fuzz::must(kind_of(encoded.name) != nullptr, "a condition is encoded under a name that is no option");
  fuzz::must(encoded.key.size() <= 1024 && encoded.word.size() <= 64, "a text of a condition is too long");
  fuzz::must(encoded.number >= 0 && encoded.number < (std::int64_t{1} << 53), "a number of a condition is out of range");
}

// The shown text is an option and its value, unless a character in it was escaped.
void check_shown(const lock::Condition& condition, const lock::ConditionKind& kind) {
  std::string shown = lock::shown(condition);
  fuzz::must_be_message(shown);
  if (kind.modifier || shown.find('\\') != std::string::npos) return;
  fuzz::must(fuzz::take_word(shown) == kind.option, "another option is shown");
  const auto again = kind.parse(shown);
  fuzz::must(again.has_value(), "a condition that is shown cannot be read: " + shown);
  fuzz::must(lock::shown(*again).ends_with(shown), "a condition that is read again is another one: " + shown);
}

void check_words(const lock::Condition& condition) {
  for (const char* why : {"holds", "recent", "never", "failed", "stale", "old", "running", "many", "done", "?"}) {
    for (const std::optional<Millis> age : {std::optional<Millis>(), std::optional(Millis(61'000))}) {
      fuzz::must_be_message(lock::explain(condition, {why, age, age}));
    }
  }
}

void judge(const std::vector<lock::Condition>& conditions) {
  static fuzz::MemoryJob job;
  job.clear();
  const auto verdicts =
      lock::decode_verdicts(job.ask(lock::check_call(fuzz::attempt("").job, conditions)), conditions.size());
  fuzz::must(verdicts.has_value() && verdicts->conditions.size() == conditions.size(), "there is no verdict on a condition");
  bool all_hold = true;
  for (const lock::Verdict& verdict : verdicts->conditions) all_hold = all_hold && verdict.holds();
  fuzz::must(job.stored().empty(), "a check writes");

  lock::Attempt attempt = fuzz::attempt("token");
  attempt.needs = lock::needs_of(conditions);
  const auto decision = lock::decode_decision(job.ask(lock::acquire_call(attempt, conditions)), conditions.size());
  fuzz::must(decision.has_value(), "acquire gives no decision");
  fuzz::must(std::holds_alternative<lock::Grant>(*decision) == all_hold, "check and acquire disagree");
}

}  // namespace

void fuzz::check(std::string_view input) {
  std::vector<lock::Condition> conditions;
  for (std::string& line : lines_of(input)) {
    const std::string name = take_word(line);
    if (name == "min-time-from") {
      if (const auto problem = lock::modify(conditions, "--min-time-from", line)) must_be_message(problem->text);
    }
    const lock::ConditionKind* kind = kind_of(name);
    if (kind == nullptr) continue;
    auto condition = kind->parse(line);
    if (!condition) {
      must_be_message(condition.error().text);
      continue;
    }
    check_encoding(*condition);
    check_shown(*condition, *kind);
    check_words(*condition);
    if (conditions.size() < 20) conditions.push_back(*std::move(condition));
  }
  judge(conditions);
}
