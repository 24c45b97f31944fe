// Conditions: what must hold for a job to run. A condition is data: a struct in <condolock/conditions.hpp>, its codec here,
// an entry in both variants, and a branch in acquire.lua that judges it. No other code knows a particular condition.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "condolock/conditions.hpp"
#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::lock {

// acquire.lua's verdict on one condition. Durations are measured on the engine's clock.
struct Verdict {
  std::string why;              // "holds", or the reason why not: a word from acquire.lua
  std::optional<Millis> since;  // age of the event that was judged; none: never recorded
  std::optional<Millis> due;    // time until the condition holds; none: unknown

  bool holds() const { return why == "holds"; }
  // Waiting cannot change the verdict. Only a reset can.
  bool is_final() const { return why == "done"; }
};

// A condition as acquire.lua takes it. The name is the option without its leading dashes.
struct EncodedCondition {
  std::string name;
  std::string key;          // the job to look at; empty: the job itself
  std::int64_t number = 0;  // milliseconds or a count
  std::string word;
};

// What an attempt must record for its conditions. A forced run records it too.
struct Needs {
  std::optional<std::int64_t> starts;  // keep at least this many start times, this run's included; at least 1
  std::string once;                    // record a success under this ID, 1 to 64 bytes; empty: none
};

// Ways to run that a condition may rule out.
enum class RunMode : std::uint8_t {
  several_slots,  // more than one run at once
  unleased,       // without a lease, because the engine is unreachable
};

struct Conflict {
  RunMode mode{};
  std::string_view why;  // a clause: "two runs could succeed at once"
};

// A second option that changes how a condition counts, such as --min-time-from.
struct Modifier {
  std::string_view option;
  std::string_view form;
  std::string_view help;
};

struct MinTime : condolock::MinTime {
  static constexpr std::string_view option = "--min-time";
  static constexpr std::string_view form = "D";
  static constexpr std::string_view help = "the last success ended at least D ago, or never";
  static constexpr bool repeatable = false;
  static constexpr Modifier modifier{"--min-time-from", "WHAT", "count from the start or the end of that success (end)"};

  static util::Result<MinTime> parse(std::string_view text);
  // Accepts "start" or "end".
  std::optional<util::Problem> modify(std::string_view text);
  EncodedCondition encode() const;
  static MinTime decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  Millis memory() const { return n; }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct AccessedPrior : condolock::AccessedPrior {
  static constexpr std::string_view option = "--accessed-prior";
  static constexpr std::string_view form = "NAME:D";
  static constexpr std::string_view help = "NAME's last run succeeded at most D ago (never: fails)";
  static constexpr bool repeatable = true;

  // Splits at the last colon: "a:b:300" names the key "a:b".
  static util::Result<AccessedPrior> parse(std::string_view text);
  EncodedCondition encode() const;
  static AccessedPrior decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct After : condolock::After {
  static constexpr std::string_view option = "--after";
  static constexpr std::string_view form = "NAME";
  static constexpr std::string_view help = "NAME succeeded since K's last success began";
  static constexpr bool repeatable = true;

  static util::Result<After> parse(std::string_view text);
  EncodedCondition encode() const;
  static After decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct NotRunning : condolock::NotRunning {
  static constexpr std::string_view option = "--not-running";
  static constexpr std::string_view form = "NAME";
  static constexpr std::string_view help = "NAME is not running";
  static constexpr bool repeatable = true;

  static util::Result<NotRunning> parse(std::string_view text);
  EncodedCondition encode() const;
  static NotRunning decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct RetryAfter : condolock::RetryAfter {
  static constexpr std::string_view option = "--retry-after";
  static constexpr std::string_view form = "D";
  static constexpr std::string_view help = "the last run did not fail, or ended at least D ago";
  static constexpr bool repeatable = false;

  static util::Result<RetryAfter> parse(std::string_view text);
  EncodedCondition encode() const;
  static RetryAfter decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  Millis memory() const { return n; }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct MaxFailures : condolock::MaxFailures {
  static constexpr std::string_view option = "--max-failures";
  static constexpr std::string_view form = "N";
  static constexpr std::string_view help = "fewer than N failures in a row";
  static constexpr bool repeatable = false;

  static util::Result<MaxFailures> parse(std::string_view text);
  EncodedCondition encode() const;
  static MaxFailures decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  Millis memory() const { return Millis::max(); }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct MaxRuns : condolock::MaxRuns {
  static constexpr std::string_view option = "--max-runs";
  static constexpr std::string_view form = "N/D";
  static constexpr std::string_view help = "fewer than N runs began in the last D";
  static constexpr bool repeatable = false;

  static util::Result<MaxRuns> parse(std::string_view text);
  EncodedCondition encode() const;
  static MaxRuns decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  Needs needs() const { return {limit, ""}; }
  Millis memory() const { return time; }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

struct Once : condolock::Once {
  static constexpr std::string_view option = "--once";
  static constexpr std::string_view form = "ID";
  static constexpr std::string_view help = "no run with this ID has succeeded";
  static constexpr bool repeatable = false;
  static constexpr std::array<Conflict, 2> conflicts{
      {{RunMode::several_slots, "two runs could succeed at once"},
       {RunMode::unleased, "nobody could tell whether it had succeeded before"}}};

  static util::Result<Once> parse(std::string_view text);
  EncodedCondition encode() const;
  static Once decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  Needs needs() const { return {{}, id}; }
  Millis memory() const { return Millis::max(); }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// A condition that a program judges itself, just before it asks for the lease (ConditionalLock::add). The command line has
// none.
struct Predicate {
  std::string name;  // 1 to 40 bytes: it fits into the field refused_why of a record
  bool holds = true;

  EncodedCondition encode() const;
  static Predicate decode(const EncodedCondition& encoded);
  std::optional<util::Problem> problem() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// The conditions that are options of the command line, in the order of condolock::Condition.
using CommandLineCondition = std::variant<MinTime, AccessedPrior, After, NotRunning, RetryAfter, MaxFailures, MaxRuns, Once>;
using Condition = std::variant<MinTime, AccessedPrior, After, NotRunning, RetryAfter, MaxFailures, MaxRuns, Once, Predicate>;

// One kind of condition, for the command line.
struct ConditionKind {
  std::string_view option;
  std::string_view form;
  std::string_view help;
  bool repeatable;
  util::Result<Condition> (*parse)(std::string_view text);
  std::optional<Modifier> modifier;
  std::optional<util::Problem> (*check_modifier)(std::string_view text);  // null if there is no modifier
};

namespace detail {
template <class Kind>
constexpr ConditionKind kind_of() {
  ConditionKind kind{Kind::option,
                     Kind::form,
                     Kind::help,
                     Kind::repeatable,
                     [](std::string_view text) -> util::Result<Condition> {
                       auto parsed = Kind::parse(text);
                       if (!parsed) return parsed.error();
                       return Condition(*std::move(parsed));
                     },
                     std::nullopt,
                     nullptr};
  if constexpr (requires { Kind::modifier; }) {
    kind.modifier = Kind::modifier;
    kind.check_modifier = [](std::string_view text) { return Kind{}.modify(text); };
  }
  return kind;
}

template <class... Kind>
constexpr std::array<ConditionKind, sizeof...(Kind)> kinds_of(const std::variant<Kind...>* /*all*/) {
  return {kind_of<Kind>()...};
}
}  // namespace detail

inline constexpr auto condition_kinds = detail::kinds_of(static_cast<const CommandLineCondition*>(nullptr));

// Sets whether the predicates among the conditions hold, in their order; there must be as many.
void answer(std::vector<Condition>& conditions, const std::vector<bool>& predicates);

// Applies a modifier to the conditions that it belongs to. Call check_modifier on the text before. The result is a problem
// if there is no such condition.
std::optional<util::Problem> modify(std::vector<Condition>& conditions, std::string_view option, std::string_view text);

// The needs of all conditions together.
Needs needs_of(const std::vector<Condition>& conditions);

// A condition that rules out a way to run.
struct Clash {
  std::string_view option;  // of the condition
  std::string_view why;
};
std::optional<Clash> clash(const std::vector<Condition>& conditions, RunMode mode);
// "--once cannot be combined with OPTION: two runs could succeed at once".
std::string cannot_be_combined(const Clash& clash, const std::string& option);

// The condition that looks back furthest at the job's own record. If the record is forgotten earlier, the condition holds
// too soon.
struct Memory {
  std::string_view option;
  Millis length{};  // Millis::max(): until a reset, or until a success
};
std::optional<Memory> longest_memory(const std::vector<Condition>& conditions);

// Why a run with these conditions can't have so many slots, or be forgotten so soon (0: never). None: it can.
std::optional<util::Problem> conflict(const std::vector<Condition>& conditions, std::int64_t slots, Millis forget_after);

// What is out of range in it, after the name of its option: "--max-failures: invalid number '0': use 1 to 1000000".
std::optional<util::Problem> problem_of(const Condition& condition);

EncodedCondition encode(const Condition& condition);
// As written on a command line, with names escaped: "--min-time 5m". A predicate: its name.
std::string shown(const Condition& condition);
// Why a run was refused, from the field refused_why of its record (see record.lua): "last success 2m10s ago, needs 5m". The
// text is escaped. A text that cannot be read is returned escaped but otherwise unchanged.
std::string refusal_in_words(std::string_view why);
// The verdict in words: "last success 2m10s ago, needs 5m (due in 2m50s)".
std::string explain(const Condition& condition, const Verdict& verdict);

}  // namespace condolock::lock
