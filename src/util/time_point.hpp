// Parses a point in time, as people write it.
#pragma once

#include <cstdint>
#include <string_view>

#include "util/result.hpp"

namespace condolock::util {

enum class Zone : std::uint8_t { local, utc };

// Milliseconds since 1970. Accepts a duration, which counts back from `now` (90m, 2d); "today" and "yesterday" (their
// beginning); "now"; a date (2026-11-26); a date and a time (2026-11-26 08:00, 2026-11-26T08:00:30), with Z or an offset
// (+01:00) at the end for another zone; and @ with seconds since 1970. The local zone is that of TZ, else of /etc/localtime.
Result<std::int64_t> parse_time_point(std::string_view text, std::int64_t now, Zone zone);

}  // namespace condolock::util
