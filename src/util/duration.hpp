// Durations as people write them.
#pragma once

#include <string>
#include <string_view>

#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::util {

// "300" (seconds), "1.5h", "5m30s", "5min 30s", "2d", "250ms", "1w". Units: w d h m (or min) s ms, each at most once and
// from the largest down; case matters. From 0 to 100 years, in whole milliseconds. Anything else is refused: a sign, an
// empty text, "M" or "y" (a month? a minute? which year?), a bare number after a unit.
Result<Millis> parse_duration(std::string_view text);

// The two largest units that are not zero: "2m10s", "5m", "1d3h", "250ms". Below ten seconds with tenths: "4.2s". Rounds
// down; a negative duration is written as 0.
std::string format_duration(Millis duration);

// The same, rounded up to what it shows: for "due in", which must not promise too early.
std::string format_duration_up(Millis duration);

}  // namespace condolock::util
