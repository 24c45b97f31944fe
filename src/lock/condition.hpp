// Conditions: what must hold for a job to run. A condition is data: a struct here, an entry in the variant below, a branch
// in acquire.lua that judges it. Nothing else knows a single one; docs/development.md shows how to add one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::lock {

// acquire.lua's judgement of one condition, on the engine's clock.
struct Verdict {
  std::string why;              // "holds", or the reason why not, in a word that acquire.lua gives
  std::optional<Millis> since;  // how long ago that was which it judged; none: there is no such thing on record
  std::optional<Millis> due;    // when it will hold, where that can be known

  bool holds() const { return why == "holds"; }
  // No waiting will change it, unless an operator steps in.
  bool is_final() const { return why == "done"; }
};

// How a condition travels: acquire.lua names it by the option's name without dashes.
struct EncodedCondition {
  std::string name;
  std::string key;  // of the job that it looks at; empty: the job itself
  std::int64_t number = 0;
  std::string word;
};

// What a condition needs of the attempt that carries it, also of a forced one.
struct Needs {
  std::optional<std::int64_t> starts;  // remember this start and so many before it; at least 1
  std::string once;                    // remember a success by this ID, 1 to 64 bytes; empty: none
};

// Ways to run that a condition may not go together with.
enum class RunMode : std::uint8_t {
  several_slots,  // more than one run at once
  unleased,       // without a lease, where the engine does not answer
};

struct Conflict {
  RunMode mode{};
  std::string_view why;  // a clause: "two could succeed at once"
};

// A second option that says how a condition counts: --min-time-from.
struct Modifier {
  std::string_view option;
  std::string_view form;
  std::string_view help;
};

enum class From : std::uint8_t { end, start };

// Holds when the last success ended (or began) at least n ago, and when there is none yet.
struct MinTime {
  static constexpr std::string_view option = "--min-time";
  static constexpr std::string_view form = "D";
  static constexpr std::string_view help = "the last success ended D ago or earlier, or never";
  static constexpr bool repeatable = false;
  static constexpr Modifier modifier{"--min-time-from", "WHAT", "count that from the last success' end or start (end)"};

  Millis n{};
  From from = From::end;

  static util::Result<MinTime> parse(std::string_view text);
  // "start" or "end".
  std::optional<util::Problem> modify(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds when the last finished run of `key` succeeded and ended at most `time` ago; not when there is none yet.
struct AccessedPrior {
  static constexpr std::string_view option = "--accessed-prior";
  static constexpr std::string_view form = "NAME:D";
  static constexpr std::string_view help = "NAME's last run succeeded, at most D ago; never: fails";
  static constexpr bool repeatable = true;

  std::string key;
  Millis time{};

  // Splits at the last colon: "a:b:300" names the key "a:b".
  static util::Result<AccessedPrior> parse(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds when `key` has succeeded since this job's last success began; before that, when `key` ever succeeded.
struct After {
  static constexpr std::string_view option = "--after";
  static constexpr std::string_view form = "NAME";
  static constexpr std::string_view help = "NAME succeeded since K's last success began";
  static constexpr bool repeatable = true;

  std::string key;

  static util::Result<After> parse(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds while nobody holds the lease of `key`. One-directional: `key` may start while this job runs.
struct NotRunning {
  static constexpr std::string_view option = "--not-running";
  static constexpr std::string_view form = "NAME";
  static constexpr std::string_view help = "nobody runs NAME";
  static constexpr bool repeatable = true;

  std::string key;

  static util::Result<NotRunning> parse(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds when the last run did not fail, or ended at least n ago.
struct RetryAfter {
  static constexpr std::string_view option = "--retry-after";
  static constexpr std::string_view form = "D";
  static constexpr std::string_view help = "the last run did not fail, or ended D ago or earlier";
  static constexpr bool repeatable = false;

  Millis n{};

  static util::Result<RetryAfter> parse(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds while fewer than `limit` runs in a row have failed. From 1 to a million.
struct MaxFailures {
  static constexpr std::string_view option = "--max-failures";
  static constexpr std::string_view form = "N";
  static constexpr std::string_view help = "fewer than N failures in a row";
  static constexpr bool repeatable = false;

  std::int64_t limit = 1;

  static util::Result<MaxFailures> parse(std::string_view text);
  EncodedCondition encode() const;
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds while fewer than `limit` of the runs that carry this condition, forced ones too, began in the last `time`. From 1 to
// 1,000.
struct MaxRuns {
  static constexpr std::string_view option = "--max-runs";
  static constexpr std::string_view form = "N/D";
  static constexpr std::string_view help = "fewer than N runs began in the last D";
  static constexpr bool repeatable = false;

  std::int64_t limit = 1;
  Millis time{};

  static util::Result<MaxRuns> parse(std::string_view text);
  EncodedCondition encode() const;
  Needs needs() const { return {limit, ""}; }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

// Holds while no run with this ID has succeeded. 1 to 64 bytes.
struct Once {
  static constexpr std::string_view option = "--once";
  static constexpr std::string_view form = "ID";
  static constexpr std::string_view help = "no run with this ID has succeeded";
  static constexpr bool repeatable = false;
  static constexpr std::array<Conflict, 2> conflicts{
      {{RunMode::several_slots, "two could succeed at once"},
       {RunMode::unleased, "nobody could tell whether it had succeeded before"}}};

  std::string id;

  static util::Result<Once> parse(std::string_view text);
  EncodedCondition encode() const;
  Needs needs() const { return {{}, id}; }
  std::string shown() const;
  std::string explain(const Verdict& verdict) const;
};

using Condition = std::variant<MinTime, AccessedPrior, After, NotRunning, RetryAfter, MaxFailures, MaxRuns, Once>;

// One row a kind, for the command line.
struct ConditionKind {
  std::string_view option;
  std::string_view form;
  std::string_view help;
  bool repeatable;
  util::Result<Condition> (*parse)(std::string_view text);
  std::optional<Modifier> modifier;
  std::optional<util::Problem> (*check_modifier)(std::string_view text);  // null without a modifier
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

inline constexpr auto condition_kinds = detail::kinds_of(static_cast<const Condition*>(nullptr));

// Applies the text of a modifier, which check_modifier has let pass, to the conditions that it belongs to. A problem says
// that there is no such condition.
std::optional<util::Problem> modify(std::vector<Condition>& conditions, std::string_view option, std::string_view text);

// What all of them need of the attempt together.
Needs needs_of(const std::vector<Condition>& conditions);

// A condition that can't go together with that way to run.
struct Clash {
  std::string_view option;  // of the condition
  std::string_view why;
};
std::optional<Clash> clash(const std::vector<Condition>& conditions, RunMode mode);

EncodedCondition encode(const Condition& condition);
// As it is written on a command line, with names made safe to show: "--min-time 5m".
std::string shown(const Condition& condition);
// What the verdict means, for a person: "last success 2m10s ago, needs 5m (due in 2m50s)".
std::string explain(const Condition& condition, const Verdict& verdict);

}  // namespace condolock::lock
