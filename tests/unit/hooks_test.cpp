#include "cli/commands/hooks.hpp"

#include <doctest/doctest.h>

using namespace condolock;

namespace {

std::string occasion_of(const std::vector<run::Report>& reports) {
  cli::HookOccasion occasion;
  for (const run::Report& report : reports) occasion.note(report);
  return occasion.outcome();
}

}  // namespace

TEST_CASE("HookOccasion: each end of a run has its outcome") {
  const run::report::Ended success{0, lock::Outcome::success, Millis(5)};
  CHECK(occasion_of({success, run::report::Recorded{0}}) == "success");
  CHECK(occasion_of({success, run::report::NotRecorded{{}, true}}) == "not_recorded");
  CHECK(occasion_of({success, run::report::Superseded{true}}) == "not_recorded");
  CHECK(occasion_of({success, run::report::NotRecorded{{}, false}}) == "success");  // without a lease
  const run::report::Ended failure{3, lock::Outcome::failed, Millis(5)};
  CHECK(occasion_of({failure, run::report::Recorded{1}}) == "failed");
  CHECK(occasion_of({failure, run::report::NotRecorded{{}, false}}) == "failed");
  CHECK(occasion_of({failure, run::report::Superseded{false}}) == "failed");
  CHECK(occasion_of({run::report::Ended{143, lock::Outcome::timeout, Millis(5)}}) == "timeout");
  CHECK(occasion_of({run::report::Ended{143, lock::Outcome::lost, Millis(5)}}) == "lost");
  CHECK(occasion_of({run::report::NoGrant{}}) == "not_started");
  CHECK(occasion_of({run::report::Granted{{7, 1, {}}}, run::report::NotStarted{127, "not found"}}) == "not_started");
}

TEST_CASE("HookOccasion: a skip, a run that was called off, and a run that only waits need no hook") {
  CHECK(occasion_of({run::report::Refused{lock::Held{}}}).empty());
  CHECK(occasion_of({run::report::SkippedUnreachable{}}).empty());
  CHECK(occasion_of({run::report::Waiting{lock::Held{}}, run::report::AskingAgain{}, run::report::CalledOff{15}}).empty());
}

TEST_CASE("HookOccasion: a variable is empty if its value is unknown") {
  cli::HookOccasion occasion;
  occasion.note(run::report::Granted{{7, 1, {}}});
  occasion.note(run::report::Ended{3, lock::Outcome::failed, Millis(1500)});
  occasion.note(run::report::Recorded{4});
  CHECK(occasion.variables(3) == std::vector<std::string>{"CONDOLOCK_OUTCOME=failed", "CONDOLOCK_EXIT_CODE=3",
                                                          "CONDOLOCK_FENCE=7", "CONDOLOCK_FAILURES=4",
                                                          "CONDOLOCK_DURATION_MS=1500"});
  cli::HookOccasion late;  // the lease was granted, and became too old before the command could be started
  late.note(run::report::Granted{{7, 1, {}}});
  late.note(run::report::NoGrant{});
  CHECK(late.outcome() == "not_started");
  CHECK(late.variables(69)[2] == "CONDOLOCK_FENCE=");
  cli::HookOccasion nothing;
  nothing.note(run::report::Granted{{7, 1, {}}});
  nothing.note(run::report::NotStarted{126, "denied"});
  CHECK(nothing.variables(126) ==
        std::vector<std::string>{"CONDOLOCK_OUTCOME=not_started", "CONDOLOCK_EXIT_CODE=126",
                                 "CONDOLOCK_FENCE=", "CONDOLOCK_FAILURES=", "CONDOLOCK_DURATION_MS="});
}
