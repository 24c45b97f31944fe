#include "cli/commands/hooks.hpp"

namespace condolock::cli {
namespace {

std::string outcome_of(const run::report::Ended& ended) { return std::string(lock::name_of(ended.outcome)); }

}  // namespace

void HookOccasion::note(const run::Report& report) {
  if (const auto* granted = std::get_if<run::report::Granted>(&report)) fence_ = std::to_string(granted->grant.fence);
  // A lease may have been granted before.
  if (std::holds_alternative<run::report::NoGrant>(report) || std::holds_alternative<run::report::NotStarted>(report)) {
    outcome_ = "not_started";
    fence_.clear();
  }
  if (const auto* ended = std::get_if<run::report::Ended>(&report)) {
    outcome_ = outcome_of(*ended);
    duration_ = std::to_string(ended->took.count());
  }
  if (const auto* recorded = std::get_if<run::report::Recorded>(&report)) failures_ = std::to_string(recorded->failures);
  if (const auto* lost = std::get_if<run::report::NotRecorded>(&report); lost != nullptr && lost->success) {
    outcome_ = "not_recorded";
  }
  if (const auto* late = std::get_if<run::report::Superseded>(&report); late != nullptr && late->success) {
    outcome_ = "not_recorded";
  }
}

std::vector<std::string> HookOccasion::variables(int exit_code) const {
  return {"CONDOLOCK_OUTCOME=" + outcome_, "CONDOLOCK_EXIT_CODE=" + std::to_string(exit_code), "CONDOLOCK_FENCE=" + fence_,
          "CONDOLOCK_FAILURES=" + failures_, "CONDOLOCK_DURATION_MS=" + duration_};
}

}  // namespace condolock::cli
