// What a run reports while it is in progress. cli/output/run_messages prints it for people, cli/output/run_report for
// programs.
#pragma once

#include <variant>

#include "lock/verbs.hpp"

namespace condolock::run {

namespace report {
struct Granted {
  lock::Grant grant;
};
struct Refused {  // the decision is Held, Paused or Skipped
  lock::Decision decision;
  bool by_ancestor = false;  // the run would have waited, but the holder is an ancestor that waits for it
};
struct Waiting {  // the first refusal of a wait
  lock::Decision decision;
};
struct AskingAgain {  // acquire had no answer, or the server is not ready; the run waits and asks again
  engine::Failure failure;
  std::optional<Millis> left;  // of the wait; none: forever
  bool first = true;           // in this wait
};
struct NoGrant {  // the command was not started
  engine::Failure failure;
};
struct SkippedUnreachable {  // --on-unreachable skip
  engine::Failure failure;
};
struct Unleased {  // --on-unreachable run: the command is started without a lease
  engine::Failure failure;
};
struct CalledOff {  // a signal came before the command was started
  int signal = 0;
};
struct NotStarted {  // the command could not be started
  int exit_code = 0;
  std::string why;
};
struct Started {
  int pid = 0;
};
struct RenewalFailed {  // the first failure in a row; `left` is the time until TERM
  engine::Failure failure;
  Millis left{};
};
struct Renewed {
  bool after_failure = false;
};
struct Reasserted {};  // the engine had lost the lease, and granted it again
struct Stopping {      // the command got TERM: the lease is lost, could not be renewed in time, or --timeout was reached
  enum class Why : std::uint8_t { lost, revoked, not_renewed, timeout } why = Why::lost;
  std::string by = {};  // revoked: the operator; empty: unknown
};
struct KeeperGone {};  // the keeper was killed or stopped; the command got TERM
struct NotPermitted {  // a process of the run can't be signalled
  int pid = 0;
};
struct Leftovers {};  // the command succeeded a while ago, and the run waits for the processes that it left
struct Ended {        // the run is over
  int code = 0;       // 128+N for signal N
  lock::Outcome outcome = lock::Outcome::success;
  Millis took{};  // from the command's start to its end
};
struct Recorded {
  std::int64_t failures = 0;  // in a row
};
struct NotRecorded {
  engine::Failure failure;
  bool success = false;  // the command succeeded under a lease, so the job may run again
};
struct Superseded {
  bool success = false;  // the command succeeded
};
}  // namespace report

using Report = std::variant<report::Granted, report::Refused, report::Waiting, report::AskingAgain, report::NoGrant,
                            report::SkippedUnreachable, report::Unleased, report::CalledOff, report::NotStarted,
                            report::Started, report::RenewalFailed, report::Renewed, report::Reasserted, report::Stopping,
                            report::Ended, report::Recorded, report::NotRecorded, report::Superseded, report::KeeperGone,
                            report::NotPermitted, report::Leftovers>;

}  // namespace condolock::run
