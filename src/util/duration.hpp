// Parses and formats durations.
#pragma once

#include <string>
#include <string_view>

#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::util {

inline constexpr Millis longest_duration{36'525LL *
                                         86'400'000};  // 100 years, far below 2^53: Lua counts exactly up to there

// Accepts what systemd.time(7) reads as a time span, less months and years: "300" (seconds), "1.5h", "5m30s", "5 min 30 s",
// "2 days", "250ms", "1w". Spans add up, in any order; case matters. The range is 0 to 100 years, in whole milliseconds.
// Everything else is an error: a sign, an empty text, the units "M" and "y", a number without a unit beside others.
Result<Millis> parse_duration(std::string_view text);

// The largest unit that is not zero, and the next smaller unit unless that is zero: "2m10s", "5m", "1d3h". The units are d,
// h, m and s. Below ten seconds with tenths: "4.2s". Below one second: "250ms". Rounds down; a negative duration gives "0s".
std::string format_duration(Millis duration);

// The same, rounded up to the shown precision. For "due in": a time that is too early would be wrong.
std::string format_duration_up(Millis duration);

}  // namespace condolock::util
