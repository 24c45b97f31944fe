#include "lock/condition.hpp"

#include <algorithm>

#include "lock/job.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::lock {
namespace {

std::string ago(const Verdict& verdict) { return util::format_duration(verdict.since.value_or(Millis(0))) + " ago"; }

std::string due(const Verdict& verdict) {
  return verdict.due ? " (due in " + util::format_duration_up(*verdict.due) + ")" : "";
}

// The same sentences for what a command line says and for what a program passes.
std::optional<util::Problem> number_problem(std::int64_t number, std::int64_t max) {
  if (number >= 1 && number <= max) return std::nullopt;
  return util::Problem{"invalid number '" + std::to_string(number) + "': use 1 to " + std::to_string(max)};
}

std::optional<util::Problem> duration_problem(Millis length) {
  if (length >= Millis(0) && length <= util::longest_duration) return std::nullopt;
  return util::Problem{"invalid duration of " + std::to_string(length.count()) + " ms: use 0 to 100 years"};
}

std::optional<util::Problem> key_problem(const std::string& key) {
  if (auto checked = checked_key(key); !checked) return checked.error();
  return std::nullopt;
}

// A text that was parsed has a value in range, or none.
template <class Kind>
util::Result<Kind> in_range(Kind kind) {
  if (auto problem = kind.problem()) return *std::move(problem);
  return kind;
}

}  // namespace

util::Result<MinTime> MinTime::parse(std::string_view text) {
  auto n = util::parse_duration(text);
  if (!n) return n.error();
  return MinTime{{*n, From::end}};
}

std::optional<util::Problem> MinTime::modify(std::string_view text) {
  if (text != "start" && text != "end") return util::Problem{"invalid value '" + util::escape(text) + "': use start or end"};
  from = text == "start" ? From::start : From::end;
  return std::nullopt;
}

EncodedCondition MinTime::encode() const { return {"min-time", "", n.count(), from == From::start ? "start" : "end"}; }

MinTime MinTime::decode(const EncodedCondition& encoded) {
  return {{Millis(encoded.number), encoded.word == "start" ? From::start : From::end}};
}

std::optional<util::Problem> MinTime::problem() const { return duration_problem(n); }

std::string MinTime::shown() const {
  return std::string(option) + " " + util::format_duration(n) + (from == From::start ? " --min-time-from start" : "");
}

std::string MinTime::explain(const Verdict& verdict) const {
  if (!verdict.since) return "no success yet";
  const std::string last = from == From::start ? "last success began " : "last success ";
  if (verdict.holds()) return last + ago(verdict);
  return last + ago(verdict) + ", needs " + util::format_duration(n) + due(verdict);
}

util::Result<AccessedPrior> AccessedPrior::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return util::Problem{"invalid value '" + util::escape(text) + "': write NAME:D, as in checking:300"};
  }
  const auto key = checked_key(text.substr(0, colon));
  if (!key) return key.error();
  auto time = util::parse_duration(text.substr(colon + 1));
  if (!time) return time.error();
  if (*time == Millis(0)) return util::Problem{"invalid value '" + util::escape(text) + "': D must be at least 1ms"};
  return AccessedPrior{{*key, *time}};
}

EncodedCondition AccessedPrior::encode() const { return {"accessed-prior", key, time.count(), ""}; }

AccessedPrior AccessedPrior::decode(const EncodedCondition& encoded) { return {{encoded.key, Millis(encoded.number)}}; }

std::optional<util::Problem> AccessedPrior::problem() const {
  if (auto problem = key_problem(key)) return problem;
  if (time == Millis(0)) return util::Problem{"invalid duration '0': D must be at least 1ms"};
  return duration_problem(time);
}

std::string AccessedPrior::shown() const {
  return std::string(option) + " " + util::escape(key) + ":" + util::format_duration(time);
}

std::string AccessedPrior::explain(const Verdict& verdict) const {
  const std::string name = util::escape(key);
  const std::string needs = ", needs a success at most " + util::format_duration(time) + " ago";
  if (verdict.why == "never") return name + " has not run yet" + needs;
  if (verdict.why == "failed") return "the last run of " + name + " failed " + ago(verdict) + needs;
  if (verdict.why == "stale") return name + " succeeded " + ago(verdict) + needs;
  return name + " succeeded " + ago(verdict);
}

util::Result<After> After::parse(std::string_view text) {
  const auto name = checked_key(text);
  if (!name) return name.error();
  return After{{*name}};
}

EncodedCondition After::encode() const { return {"after", key, 0, ""}; }

After After::decode(const EncodedCondition& encoded) { return {{encoded.key}}; }

std::optional<util::Problem> After::problem() const { return key_problem(key); }

std::string After::shown() const { return std::string(option) + " " + util::escape(key); }

std::string After::explain(const Verdict& verdict) const {
  const std::string name = util::escape(key);
  if (verdict.why == "never") return name + " has not succeeded yet";
  if (verdict.why == "old") return name + " succeeded " + ago(verdict) + ", but not since the last success began";
  return name + " succeeded " + ago(verdict);
}

util::Result<NotRunning> NotRunning::parse(std::string_view text) {
  const auto name = checked_key(text);
  if (!name) return name.error();
  return NotRunning{{*name}};
}

EncodedCondition NotRunning::encode() const { return {"not-running", key, 0, ""}; }

NotRunning NotRunning::decode(const EncodedCondition& encoded) { return {{encoded.key}}; }

std::optional<util::Problem> NotRunning::problem() const { return key_problem(key); }

std::string NotRunning::shown() const { return std::string(option) + " " + util::escape(key); }

std::string NotRunning::explain(const Verdict& verdict) const {
  if (verdict.holds()) return util::escape(key) + " is not running";
  return util::escape(key) + " has been running for " + util::format_duration(verdict.since.value_or(Millis(0)));
}

util::Result<RetryAfter> RetryAfter::parse(std::string_view text) {
  auto n = util::parse_duration(text);
  if (!n) return n.error();
  return RetryAfter{{*n}};
}

EncodedCondition RetryAfter::encode() const { return {"retry-after", "", n.count(), ""}; }

RetryAfter RetryAfter::decode(const EncodedCondition& encoded) { return {{Millis(encoded.number)}}; }

std::optional<util::Problem> RetryAfter::problem() const { return duration_problem(n); }

std::string RetryAfter::shown() const { return std::string(option) + " " + util::format_duration(n); }

std::string RetryAfter::explain(const Verdict& verdict) const {
  if (!verdict.since) return "the last run did not fail";
  if (verdict.holds()) return "the last run failed " + ago(verdict);
  return "the last run failed " + ago(verdict) + ", needs " + util::format_duration(n) + due(verdict);
}

util::Result<MaxFailures> MaxFailures::parse(std::string_view text) {
  const auto limit = util::parse_number<std::int64_t>(text);
  if (!limit) return util::Problem{"invalid number '" + util::escape(text) + "': use 1 to 1000000"};
  return in_range(MaxFailures{{*limit}});
}

EncodedCondition MaxFailures::encode() const { return {"max-failures", "", limit, ""}; }

MaxFailures MaxFailures::decode(const EncodedCondition& encoded) { return {{encoded.number}}; }

std::optional<util::Problem> MaxFailures::problem() const { return number_problem(limit, 1'000'000); }

std::string MaxFailures::shown() const { return std::string(option) + " " + std::to_string(limit); }

std::string MaxFailures::explain(const Verdict& verdict) const {
  if (!verdict.since) return "no failure yet";
  if (verdict.holds()) return "fewer than " + std::to_string(limit) + " failures in a row, the last " + ago(verdict);
  return std::to_string(limit) + " or more failures in a row, the last " + ago(verdict) +
         " (when fixed, run: condolock touch KEY)";
}

util::Result<MaxRuns> MaxRuns::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return util::Problem{"invalid value '" + util::escape(text) + "': write N/D, as in 3/1h"};
  const auto limit = util::parse_number<std::int64_t>(text.substr(0, slash));
  if (!limit) return util::Problem{"invalid number '" + util::escape(text.substr(0, slash)) + "': use 1 to 1000"};
  const auto time = util::parse_duration(text.substr(slash + 1));
  if (!time) return time.error();
  if (*time == Millis(0)) return util::Problem{"invalid value '" + util::escape(text) + "': D must be at least 1ms"};
  return in_range(MaxRuns{{*limit, *time}});
}

EncodedCondition MaxRuns::encode() const { return {"max-runs", "", limit, std::to_string(time.count())}; }

MaxRuns MaxRuns::decode(const EncodedCondition& encoded) {
  return {{encoded.number, Millis(util::parse_number<std::int64_t>(encoded.word).value_or(0))}};
}

std::optional<util::Problem> MaxRuns::problem() const {
  if (auto problem = number_problem(limit, 1000)) return problem;
  if (time == Millis(0)) return util::Problem{"invalid duration '0': D must be at least 1ms"};
  return duration_problem(time);
}

std::string MaxRuns::shown() const {
  return std::string(option) + " " + std::to_string(limit) + "/" + util::format_duration(time);
}

std::string MaxRuns::explain(const Verdict& verdict) const {
  const std::string runs = std::to_string(limit) + (limit == 1 ? " run" : " runs");
  if (verdict.holds()) return "fewer than " + runs + " began in the last " + util::format_duration(time);
  return runs + " began in the last " + util::format_duration(time) + ", the first one " + ago(verdict) + due(verdict);
}

util::Result<Once> Once::parse(std::string_view text) { return in_range(Once{{std::string(text)}}); }

EncodedCondition Once::encode() const { return {"once", "", 0, id}; }

Once Once::decode(const EncodedCondition& encoded) { return {{encoded.word}}; }

std::optional<util::Problem> Once::problem() const {
  if (!id.empty() && id.size() <= 64) return std::nullopt;
  return util::Problem{"an ID must have 1 to 64 bytes, not " + std::to_string(id.size())};
}

std::string Once::shown() const { return std::string(option) + " " + util::escape(id); }

std::string Once::explain(const Verdict& verdict) const {
  if (verdict.holds()) return "no run with the ID " + util::escape(id) + " has succeeded";
  return "a run with the ID " + util::escape(id) + " succeeded " + ago(verdict);
}

EncodedCondition Predicate::encode() const { return {"predicate", "", holds ? 1 : 0, name}; }

Predicate Predicate::decode(const EncodedCondition& encoded) { return {encoded.word, encoded.number != 0}; }

std::optional<util::Problem> Predicate::problem() const {
  if (!name.empty() && name.size() <= 40) return std::nullopt;
  return util::Problem{"the name of a predicate must have 1 to 40 bytes, not " + std::to_string(name.size())};
}

std::string Predicate::shown() const { return util::escape(name); }

std::string Predicate::explain(const Verdict& verdict) const {
  return util::escape(name) + (verdict.holds() ? " holds" : " does not hold");
}

void answer(std::vector<Condition>& conditions, const std::vector<bool>& predicates) {
  std::size_t next = 0;
  for (Condition& condition : conditions) {
    if (auto* predicate = std::get_if<Predicate>(&condition)) predicate->holds = predicates.at(next++);
  }
}

std::optional<util::Problem> modify(std::vector<Condition>& conditions, std::string_view option, std::string_view text) {
  bool found = false;
  for (Condition& condition : conditions) {
    auto problem = std::visit(
        [&]<class Kind>(Kind& kind) -> std::optional<util::Problem> {
          if constexpr (requires { Kind::modifier; }) {
            if (Kind::modifier.option == option) {
              found = true;
              return kind.modify(text);
            }
          }
          return std::nullopt;
        },
        condition);
    if (problem) return problem;
  }
  if (found) return std::nullopt;
  for (const ConditionKind& kind : condition_kinds) {
    if (kind.modifier && kind.modifier->option == option) {
      return util::Problem{std::string(option).append(" requires ").append(kind.option).append(" ").append(kind.form)};
    }
  }
  return util::Problem{std::string(option) + " belongs to no condition"};
}

Needs needs_of(const std::vector<Condition>& conditions) {
  Needs all;
  for (const Condition& condition : conditions) {
    std::visit(
        [&all]<class Kind>(const Kind& kind) {
          if constexpr (requires { kind.needs(); }) {
            const Needs needs = kind.needs();
            if (needs.starts) all.starts = std::max(all.starts.value_or(0), *needs.starts);
            if (!needs.once.empty()) all.once = needs.once;
          }
        },
        condition);
  }
  return all;
}

std::optional<Clash> clash(const std::vector<Condition>& conditions, RunMode mode) {
  std::optional<Clash> found;
  for (const Condition& condition : conditions) {
    std::visit(
        [&]<class Kind>(const Kind& /*kind*/) {
          if constexpr (requires { Kind::conflicts; }) {
            for (const Conflict& conflict : Kind::conflicts) {
              if (conflict.mode == mode) found = Clash{Kind::option, conflict.why};
            }
          }
        },
        condition);
  }
  return found;
}

std::optional<Memory> longest_memory(const std::vector<Condition>& conditions) {
  std::optional<Memory> longest;
  for (const Condition& condition : conditions) {
    std::visit(
        [&]<class Kind>(const Kind& kind) {
          if constexpr (requires { kind.memory(); }) {
            if (!longest || kind.memory() > longest->length) longest = Memory{Kind::option, kind.memory()};
          }
        },
        condition);
  }
  return longest;
}

std::string cannot_be_combined(const Clash& clash, const std::string& option) {
  return std::string(clash.option) + " cannot be combined with " + option + ": " + std::string(clash.why);
}

std::optional<util::Problem> conflict(const std::vector<Condition>& conditions, std::int64_t slots, Millis forget_after) {
  const auto memory = longest_memory(conditions);
  if (forget_after > Millis(0) && memory && forget_after < memory->length) {
    return util::Problem{"--forget-after " + util::format_duration(forget_after) + " would forget what " +
                         std::string(memory->option) + " looks at" +
                         (memory->length == Millis::max() ? "; use only one of them"
                                                          : "; use " + util::format_duration(memory->length) + " or more")};
  }
  const auto slots_clash = clash(conditions, RunMode::several_slots);
  if (slots > 1 && slots_clash) return util::Problem{cannot_be_combined(*slots_clash, "--slots above 1")};
  return std::nullopt;
}

std::optional<util::Problem> problem_of(const Condition& condition) {
  return std::visit(
      []<class Kind>(const Kind& kind) -> std::optional<util::Problem> {
        auto problem = kind.problem();
        if constexpr (requires { Kind::option; }) {
          if (problem) problem->text = std::string(Kind::option).append(": ").append(problem->text);
        }
        return problem;
      },
      condition);
}

EncodedCondition encode(const Condition& condition) {
  return std::visit([](const auto& kind) { return kind.encode(); }, condition);
}

std::string shown(const Condition& condition) {
  return std::visit([](const auto& kind) { return kind.shown(); }, condition);
}

std::string explain(const Condition& condition, const Verdict& verdict) {
  return std::visit([&](const auto& kind) { return kind.explain(verdict); }, condition);
}

namespace {

// Removes the first word and the space after it from `text`, and returns the word.
std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

template <class... Kind>
std::string explain_stored(const EncodedCondition& encoded, const Verdict& verdict, const std::variant<Kind...>* /*all*/) {
  std::string words;
  const auto try_kind = [&]<class K>(const K* /*kind*/) {
    const K kind = K::decode(encoded);
    if (kind.encode().name == encoded.name) words = kind.explain(verdict);
  };
  (try_kind(static_cast<const Kind*>(nullptr)), ...);
  return words;
}

}  // namespace

std::string refusal_in_words(std::string_view why) {
  constexpr std::size_t max_bytes = 64;  // LONGEST_TEXT in record.lua; the end of a longer text has been cut
  const std::string marked = std::string(why) + (why.size() < max_bytes ? "" : "...");
  std::string_view rest = marked;
  EncodedCondition encoded;
  Verdict verdict;
  encoded.name = next_word(rest);
  if (encoded.name == "held") return "held by " + shown_holder(rest);
  if (encoded.name == "paused" || encoded.name == "all-paused") {
    const std::string by = util::escape(next_word(rest));
    return (encoded.name == "paused" ? "paused" : "all keys paused") + (by.empty() ? "" : " by " + by) +
           (rest.empty() ? "" : ": " + util::escape(rest));
  }
  verdict.why = next_word(rest);
  if (const auto since = util::parse_number<std::int64_t>(next_word(rest))) verdict.since = Millis(*since);
  const auto number = util::parse_number<std::int64_t>(next_word(rest));
  encoded.number = number.value_or(0);
  encoded.key = encoded.word = rest;
  std::string words = number ? explain_stored(encoded, verdict, static_cast<const Condition*>(nullptr)) : "";
  return words.empty() ? util::escape(why) : words;
}

}  // namespace condolock::lock
