// Whether the engine's clock went back, for `doctor`.
#pragma once

#include <optional>
#include <string>

#include "engine/finding.hpp"
#include "lock/record.hpp"

namespace condolock::lock {

struct ClockSurvey {
  bool is_whole = false;     // false: the time ran out before all records were read
  std::int64_t records = 0;  // that could be read
  std::int64_t ahead = 0;    // how many of them have a time in the future
  std::string furthest;      // the key whose time is the furthest ahead
  Millis by{};               // how far that time is ahead
};

// Reads all records, the longest idle first, until `until`.
engine::Answered<ClockSurvey> survey_clock(const std::string& ns, const engine::Ask& ask, Instant until);

}  // namespace condolock::lock
