// The oracle's rules about times: whatever the server's clock does, nothing blocks a key, and no success counts as recent,
// for longer than its own length.
#include "sim/oracle.hpp"

namespace condolock::sim {

void Oracle::on_jump(std::int64_t now_ms) {
  seen_since_.clear();
  // Acknowledged starts from before the jump are stored as now, at the next step that writes.
  for (auto& [key, start] : acknowledged_) start = std::min(start, now_ms);
  for (auto& [token, start] : stored_start_) start = std::min(start, now_ms);
}

// `what` may last no longer than `length` in true time after it was first seen. A little more is allowed, since clocks
// drift.
void Oracle::check_length(const std::string& what, Millis length) {
  const Nanos since = seen_since_.emplace(what, agenda_.now()).first->second;
  if (agenda_.now() - since > nanos(length) + nanos(length) / 50 + 10 * millisecond) {
    violate("length", what + " lasts longer than " + std::to_string(length.count()) + " ms");
  }
}

void Oracle::check_lengths(const Request& request, const std::string& code, std::int64_t now) {
  const bool is_refusal = request.script == &scripts::acquire && code != "granted";
  if (!is_refusal) {
    // What blocks a key, and successes that its end makes recent, may start again.
    const std::string prefix = key_ + " ";
    std::erase_if(seen_since_, [&](const auto& seen) { return seen.first.starts_with(prefix); });
  }
  if (is_lossy() || request.script != &scripts::acquire || code == "verdicts" || code == "retired") return;
  // The script has stored the times as now.
  const auto run = runs_.find(request.args.at(1));
  if (run == runs_.end()) return;
  if (run->second->plan.attempt.needs.starts) {
    for (auto& [token, start] : starts_[key_]) start = std::min(start, now);
  }
  for (const lock::Condition& condition : run->second->plan.conditions) {
    const auto* fresh = std::get_if<lock::AccessedPrior>(&condition);
    if (fresh == nullptr || fresh->key == key_ || !holds(condition, *run->second, now)) continue;
    check_length(fresh->key + " fresh for " + shown(condition), fresh->time);
  }
  if (code == "held") {
    for (const SeenHolder& holder : before_.live(now))
      check_length(key_ + " lease of " + holder.token, Millis(holder.length));
  } else if (code == "paused" && before_.paused_for > 0) {
    check_length(key_ + " pause", Millis(before_.paused_for));
  } else if (code == "skipped" && refusing_ != nullptr) {
    const std::string what = key_ + " " + refused_by_;
    if (const auto* c = std::get_if<lock::MinTime>(refusing_)) check_length(what, c->n);
    if (const auto* c = std::get_if<lock::MaxRuns>(refusing_)) check_length(what, c->time);
    // The end of a lease makes a failed run without any step.
    const std::string ended = std::to_string(before_.settled(now).ended);
    if (const auto* c = std::get_if<lock::RetryAfter>(refusing_)) check_length(what + " after " + ended, c->n);
  }
}

}  // namespace condolock::sim
