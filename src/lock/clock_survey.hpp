// Whether the engine's clock went back, for `doctor`.
#pragma once

#include <optional>
#include <string>

#include "engine/finding.hpp"
#include "lock/record.hpp"

namespace condolock::lock {

// At most so many records are looked at: those that have not been used for the longest time.
inline constexpr std::int64_t most_surveyed = 1000;

struct ClockSurvey {
  std::int64_t records = 0;  // that could be read
  std::int64_t ahead = 0;    // of these, with a time in the future
  std::string furthest;      // the key whose time is the furthest ahead
  Millis by{};               // and by how much
};

engine::Answered<ClockSurvey> survey_clock(const std::string& ns, const engine::Ask& ask);

}  // namespace condolock::lock
