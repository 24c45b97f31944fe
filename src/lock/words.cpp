#include "lock/words.hpp"

#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::lock {

std::string held_by(const Held& held, std::int64_t slots) {
  const std::string by = "held by " + shown_holder(held.who) + " for " + util::format_duration(held.since);
  if (held.slots != slots) {
    return by + " with --slots " + std::to_string(held.slots) + ", but this run has --slots " + std::to_string(slots);
  }
  return held.slots == 1 ? by : "all " + std::to_string(held.slots) + " slots are " + by + ", and by others";
}

std::string shown(const Paused& paused) {
  std::string out = paused.all ? "all keys paused" : "paused";
  if (!paused.by.empty()) out += " by " + util::escape(paused.by);
  if (!paused.by.empty() && paused.since) out += " " + util::format_duration(*paused.since) + " ago";
  out += paused.left  ? (paused.since ? " for another " : " for ") + util::format_duration_up(*paused.left)
         : paused.all ? " until condolock resume --all"
                      : " until it is resumed";
  return out + (paused.why.empty() ? "" : ": " + util::escape(paused.why));
}

std::string why_not(const Decision& decision, const std::vector<Condition>& conditions, std::int64_t slots) {
  if (const auto* held = std::get_if<Held>(&decision)) return held_by(*held, slots);
  if (const auto* paused = std::get_if<Paused>(&decision)) return shown(*paused);
  const auto* skipped = std::get_if<Skipped>(&decision);
  return skipped == nullptr ? "" : explain(conditions[skipped->position], skipped->verdict);
}

}  // namespace condolock::lock
