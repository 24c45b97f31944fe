// Points in time, for people and for programs. Always UTC: the machines of a fleet may not agree on anything else.
#pragma once

#include <cstdint>
#include <string>

namespace condolock::util {

// Milliseconds since 1970 -> "2026-11-24 08:10:20 UTC".
std::string format_time(std::int64_t epoch_ms);

// RFC 3339 with milliseconds: "2026-11-24T08:10:20.123Z".
std::string format_rfc3339(std::int64_t epoch_ms);

}  // namespace condolock::util
