#include "lock/condition.hpp"

#include "lock/job.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock {
namespace {

std::string ago(const Verdict& verdict) { return format_duration(verdict.since.value_or(Millis(0))) + " ago"; }

std::string due(const Verdict& verdict) { return verdict.due ? " (due in " + format_duration_up(*verdict.due) + ")" : ""; }

}  // namespace

Result<MinTime> MinTime::parse(std::string_view text) {
  auto n = parse_duration(text);
  if (!n) return Problem{n.problem()};
  return MinTime{*n, From::end};
}

EncodedCondition MinTime::encode() const { return {"min-time", "", n.count(), from == From::start ? "start" : "end"}; }

std::string MinTime::shown() const {
  return std::string(option) + " " + format_duration(n) + (from == From::start ? " --min-time-from start" : "");
}

std::string MinTime::explain(const Verdict& verdict) const {
  if (!verdict.since) return "no success yet";
  const std::string last = from == From::start ? "last success began " : "last success ";
  if (verdict.holds()) return last + ago(verdict);
  return last + ago(verdict) + ", needs " + format_duration(n) + due(verdict);
}

Result<AccessedPrior> AccessedPrior::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Problem{"'" + escape(text) + "' has no colon: write NAME:D, as in checking:300"};
  }
  const auto key = checked_key(text.substr(0, colon));
  if (!key) return Problem{key.problem()};
  auto time = parse_duration(text.substr(colon + 1));
  if (!time) return Problem{time.problem()};
  return AccessedPrior{*key, *time};
}

EncodedCondition AccessedPrior::encode() const { return {"accessed-prior", key, time.count(), ""}; }

std::string AccessedPrior::shown() const { return std::string(option) + " " + escape(key) + ":" + format_duration(time); }

std::string AccessedPrior::explain(const Verdict& verdict) const {
  const std::string name = escape(key);
  const std::string needs = ", needs a success at most " + format_duration(time) + " ago";
  if (verdict.why == "never") return name + " has not run yet" + needs;
  if (verdict.why == "failed") return "the last run of " + name + " failed " + ago(verdict) + needs;
  if (verdict.why == "stale") return name + " succeeded " + ago(verdict) + needs;
  return name + " succeeded " + ago(verdict);
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

}  // namespace condolock
