// What a run reports while it goes on: to a person (cli/output/run_messages) or to a program (cli/output/run_report).
#pragma once

#include <variant>

#include "lock/verbs.hpp"

namespace condolock::run {

namespace report {
struct Granted {
  lock::Grant grant;
};
struct Refused {  // Held, Paused or Skipped
  lock::Decision decision;
};
struct Waiting {  // the first refusal of a wait
  lock::Decision decision;
};
struct NoGrant {  // no child was started
  engine::Failure failure;
};
struct SkippedUnreachable {  // --on-unreachable skip
  engine::Failure failure;
};
struct Unleased {  // --on-unreachable run: the child is started without a lease
  engine::Failure failure;
};
struct CalledOff {  // by a signal, before there was a child
  int signal = 0;
};
struct NotStarted {  // exec failed
  int error = 0;
  int exit_code = 0;
};
struct Started {
  int pid = 0;
};
struct RenewalFailed {  // the first of a row; `left` until the child is stopped
  engine::Failure failure;
  Millis left{};
};
struct Renewed {
  bool after_failure = false;
};
struct Reasserted {};  // the engine had lost the lease
struct Stopping {      // TERM was sent; another holds the lease, or it could not be renewed, or --timeout
  enum class Why : std::uint8_t { lost, not_renewed, timeout } why = Why::lost;
};
struct Ended {   // the child
  int code = 0;  // 128+N for signal N
  lock::Outcome outcome = lock::Outcome::success;
};
struct Recorded {};
struct NotRecorded {
  engine::Failure failure;
  bool success = false;  // of the child, so that it may run again
};
struct Superseded {
  bool success = false;
};
}  // namespace report

using Report = std::variant<report::Granted, report::Refused, report::Waiting, report::NoGrant, report::SkippedUnreachable,
                            report::Unleased, report::CalledOff, report::NotStarted, report::Started, report::RenewalFailed,
                            report::Renewed, report::Reasserted, report::Stopping, report::Ended, report::Recorded,
                            report::NotRecorded, report::Superseded>;

}  // namespace condolock::run
