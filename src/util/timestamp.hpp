// Formats times, given in milliseconds from 0 on. In UTC, unless the name says otherwise, since the machines of a fleet may
// have different time zones.
#pragma once

#include <cstdint>
#include <string>

namespace condolock::util {

// Milliseconds since 1970, without the fraction of a second: "2026-11-24 08:10:20 UTC".
std::string format_time(std::int64_t epoch_ms);

// Milliseconds as seconds with three decimals: "1790000000.123". Exact, since it uses no floating point.
std::string format_seconds(std::int64_t ms);

// Milliseconds since 1970 in RFC 3339: "2026-11-24T08:10:20.123Z".
std::string format_rfc3339(std::int64_t epoch_ms);

// The same in this machine's time zone (TZ, else /etc/localtime), without the fraction of a second:
// "2026-11-24T09:10:20+01:00". Needs no locale.
std::string format_local_rfc3339(std::int64_t epoch_ms);

// As format_time, in this machine's time zone: "2026-11-24 09:10:20 CET".
std::string format_local_time(std::int64_t epoch_ms);

}  // namespace condolock::util
