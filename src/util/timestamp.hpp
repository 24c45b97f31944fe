// Points in time, for people and for programs. Always UTC: the machines of a fleet may not agree on anything else.
#pragma once

#include <cstdint>
#include <string>

namespace condolock::util {

// Milliseconds since 1970 -> "2026-11-24 08:10:20 UTC".
std::string format_time(std::int64_t epoch_ms);

// Milliseconds as seconds with three decimals, without the rounding of a double: "1790000000.123". From 0 on.
std::string format_seconds(std::int64_t ms);

// RFC 3339 with milliseconds: "2026-11-24T08:10:20.123Z".
std::string format_rfc3339(std::int64_t epoch_ms);

}  // namespace condolock::util
