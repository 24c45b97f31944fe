#include "cli/run_messages.hpp"

#include <cstring>

#include "cli/key.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

std::string held_by(const Held& held, std::int64_t slots) {
  const std::string by = "held by " + shown_holder(held.who) + " for " + format_duration(held.since);
  if (held.slots != slots) {
    return by + " with --slots " + std::to_string(held.slots) + ", and here it is --slots " + std::to_string(slots);
  }
  return held.slots == 1 ? by : "all " + std::to_string(held.slots) + " slots are " + by + " and others";
}

struct Speaker {
  const Told& told_;
  std::string name = escape(told_.key);

  const Console& console() const { return told_.console; }

  void operator()(const report::Granted& granted) const {
    console().decision("running " + name + " (fence " + std::to_string(granted.grant.fence) + ")");
  }
  std::string why_not(const Decision& decision) const {
    if (const auto* held = std::get_if<Held>(&decision)) return held_by(*held, told_.slots);
    if (const auto* paused = std::get_if<Paused>(&decision)) return shown(*paused);
    const auto* skipped = std::get_if<Skipped>(&decision);
    return skipped == nullptr ? "" : explain(told_.conditions[skipped->position], skipped->verdict);
  }
  void operator()(const report::Refused& refused) const {
    console().decision("skipped " + name + ": " + why_not(refused.decision));
  }
  void operator()(const report::Waiting& waiting) const {
    console().decision("waiting for " + name + ": " + why_not(waiting.decision));
  }
  void operator()(const report::NoGrant& no_grant) const {
    console().error(name + " was not run: " + told(no_grant.failure));
  }
  void operator()(const report::SkippedUnreachable& skipped) const {
    console().decision("skipped " + name + ": " + told(skipped.failure));
  }
  void operator()(const report::Unleased& unleased) const {
    console().warning("running " + name + " without a lease: " + told(unleased.failure));
  }
  // What the user sees without us.
  void operator()(const report::CalledOff& /*called_off*/) const {}
  void operator()(const report::Started& /*started*/) const {}
  void operator()(const report::Ended& /*ended*/) const {}
  void operator()(const report::Recorded& /*recorded*/) const {}
  void operator()(const report::NotStarted& not_started) const {
    console().error("cannot run " + escape(told_.command) + ": " + std::strerror(not_started.error));
  }
  void operator()(const report::RenewalFailed& failed) const {
    console().detail("cannot renew the lease of " + name + ": " + told(failed.failure) + "; the command is stopped in " +
                     format_duration(failed.left) + " unless that changes");
  }
  void operator()(const report::Renewed& renewed) const {
    if (renewed.after_failure) console().detail("the lease of " + name + " is renewed again");
  }
  void operator()(const report::Reasserted& /*reasserted*/) const {
    console().warning("Redis had lost the lease of " + name + "; it was taken again, and nobody else had run meanwhile");
  }
  void operator()(const report::Stopping& stopping) const {
    using Why = report::Stopping::Why;
    switch (stopping.why) {
      case Why::lost:
        return console().error(name + " has lost its lease; its command is being stopped");
      case Why::not_renewed:
        return console().error("the lease of " + name + " could not be renewed in time; its command is being stopped");
      case Why::timeout:
        return console().error(name + " ran longer than --timeout " + format_duration(told_.timeout.value_or(Millis(0))) +
                               "; its command is being stopped");
    }
  }
  void operator()(const report::NotRecorded& not_recorded) const {
    const std::string why = told(not_recorded.failure);
    if (not_recorded.success)
      return console().error(name + " succeeded, but that was not recorded, so it may run again: " + why);
    console().warning("how " + name + " ended was not recorded: " + why);
  }
  void operator()(const report::Superseded& superseded) const {
    if (superseded.success) {
      return console().error(
          name + " succeeded, but its lease had been revoked or had gone to a later run: not recorded as its last success");
    }
    console().warning("the lease of " + name +
                      " had been revoked or had gone to a later run; how this one ended is in the history only");
  }
};

}  // namespace

std::string shown(const Paused& paused) {
  const std::string until = paused.left ? "for another " + format_duration_up(*paused.left) : "until it is resumed";
  return "paused " + until + (paused.why.empty() ? "" : ": " + escape(paused.why));
}

void say(const Told& told, const Report& report) { std::visit(Speaker{told}, report); }

}  // namespace condolock::cli
