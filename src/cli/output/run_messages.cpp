#include "cli/output/run_messages.hpp"

#include "cli/output/command_result.hpp"
#include "lock/words.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {

namespace {

struct RunMessagePrinter {
  const MessageContext& context_;
  std::string name = util::escape(context_.key);

  const Console& console() const { return context_.console; }

  void operator()(const run::report::Granted& granted) const {
    console().decision("running " + name + " (fence " + std::to_string(granted.grant.fence) + ")");
  }
  std::string why_not(const lock::Decision& decision) const {
    return lock::why_not(decision, context_.conditions, context_.slots);
  }
  void operator()(const run::report::Refused& refused) const {
    if (refused.by_ancestor) {
      const bool own = std::holds_alternative<lock::Held>(refused.decision);
      return console().error(
          name + " was not run: " + "a wait would never end, since " +
          (own ? "an ancestor of this process holds its lease: " : "the run to wait for is an ancestor of this process: ") +
          why_not(refused.decision));
    }
    console().decision("skipped " + name + ": " + why_not(refused.decision));
  }
  void operator()(const run::report::Waiting& waiting) const {
    console().decision("waiting for " + name + ": " + why_not(waiting.decision));
  }
  void operator()(const run::report::AskingAgain& again) const {
    const std::string until = again.left ? "for another " + util::format_duration_up(*again.left) : "without limit";
    const std::string text = name + " is waiting, and retries " + until + ": " + describe(again.failure);
    if (again.first) return console().warning(text);
    console().detail(text);
  }
  void operator()(const run::report::NoGrant& no_grant) const {
    console().error(name + " was not run: " + describe(no_grant.failure));
  }
  void operator()(const run::report::SkippedUnreachable& skipped) const {
    console().decision("skipped " + name + ": " + describe(skipped.failure));
  }
  void operator()(const run::report::Unleased& unleased) const {
    console().warning("running " + name + " without a lease: " + describe(unleased.failure));
  }
  // Nothing to print: the user sees these events anyway, or expects them.
  void operator()(const run::report::CalledOff& /*called_off*/) const {}
  void operator()(const run::report::Started& /*started*/) const {}
  void operator()(const run::report::Recorded& /*recorded*/) const {}
  void operator()(const run::report::NotStarted& not_started) const {
    console().error(name + ": cannot run '" + util::escape(context_.command) + "': " + not_started.why);
  }
  void operator()(const run::report::RenewalFailed& failed) const {
    console().warning("cannot renew the lease of " + name + ": " + describe(failed.failure) +
                      "; its command will be stopped in " + util::format_duration(failed.left) +
                      " unless a renewal succeeds");
  }
  void operator()(const run::report::Renewed& renewed) const {
    if (renewed.after_failure) console().detail("the lease of " + name + " is renewed again");
  }
  void operator()(const run::report::Reasserted& /*reasserted*/) const {
    console().warning("the server lost the lease of " + name +
                      "; it was acquired again, and no other run took place in between");
  }
  void operator()(const run::report::Stopping& stopping) const {
    using Why = run::report::Stopping::Why;
    switch (stopping.why) {
      case Why::lost:
        return console().error(name + " lost its lease to another run or an operator; its command is being stopped");
      case Why::revoked:
        return console().error((stopping.by.empty() ? "an operator" : util::escape(stopping.by)) + " revoked the lease of " +
                               name + "; its command is being stopped");
      case Why::not_renewed:
        return console().error("the lease of " + name + " could not be renewed in time; its command is being stopped");
      case Why::timeout:
        return console().error(name + " ran longer than --timeout " +
                               util::format_duration(context_.timeout.value_or(Millis(0))) +
                               "; its command is being stopped");
    }
  }
  void operator()(const run::report::Ended& ended) const {
    console().decision(name + " " + outcome_of(ended) + " after " + util::format_duration(ended.took));
  }
  // The code is the command's. condolock exits with another one if the command was stopped, so none is shown then.
  static std::string outcome_of(const run::report::Ended& ended) {
    const std::string code = " (exit code " + std::to_string(ended.code) + ")";
    switch (ended.outcome) {
      case lock::Outcome::success:
        return ended.code == 0 ? "succeeded" : "succeeded" + code;
      case lock::Outcome::failed:
        return "failed" + code;
      case lock::Outcome::timeout:
      case lock::Outcome::lost:
        return "was stopped";
    }
    return "";
  }
  void operator()(const run::report::KeeperGone& /*gone*/) const {
    console().error("the keeper of " + name + " was killed or stopped; its command is being stopped");
  }
  void operator()(const run::report::NotPermitted& denied) const {
    console().error("cannot stop process " + std::to_string(denied.pid) + " of " + name + ": it runs as another user");
  }
  void operator()(const run::report::Leftovers& /*leftovers*/) const {
    console().decision(name +
                       " succeeded; its lease is held until the processes that it left have ended (--leftovers wait)");
  }
  void operator()(const run::report::NotRecorded& not_recorded) const {
    const std::string why = describe(not_recorded.failure);
    if (not_recorded.success)
      return console().error(name + " succeeded, but this was not recorded, so it may run again: " + why);
    console().warning("the result of " + name + " was not recorded: " + why);
  }
  void operator()(const run::report::Superseded& superseded) const {
    if (superseded.success) {
      return console().error(
          name + " succeeded, but its lease was revoked or went to a later run: not recorded as its last success");
    }
    console().warning("the lease of " + name +
                      " was revoked or went to a later run; the result of this run is only in the history");
  }
};

}  // namespace

void print_message(const MessageContext& context, const run::Report& report) {
  std::visit(RunMessagePrinter{context}, report);
}

}  // namespace condolock::cli
