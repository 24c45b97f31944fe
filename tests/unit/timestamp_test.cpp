#include "util/timestamp.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <utility>

#include "support/scoped_variable.hpp"

using namespace condolock;

TEST_CASE("timestamp: format_time drops the fraction of a second") {
  CHECK(util::format_time(0) == "1970-01-01 00:00:00 UTC");
  CHECK(util::format_time(1'795'507'820'999) == "2026-11-24 08:10:20 UTC");  // cut, not rounded
}

TEST_CASE("timestamp: format_time knows leap days") {
  CHECK(util::format_time(951'782'400'000) == "2000-02-29 00:00:00 UTC");
  CHECK(util::format_time(1'709'251'199'000) == "2024-02-29 23:59:59 UTC");
  CHECK(util::format_time(4'107'542'399'000) == "2100-02-28 23:59:59 UTC");
  CHECK(util::format_time(4'107'542'400'000) == "2100-03-01 00:00:00 UTC");
}

TEST_CASE("timestamp: seconds that need more than 31 bits are correct") {
  CHECK(util::format_time(2'147'483'647'000) == "2038-01-19 03:14:07 UTC");
  CHECK(util::format_time(2'147'483'648'000) == "2038-01-19 03:14:08 UTC");
  CHECK(util::format_time(253'402'300'799'000) == "9999-12-31 23:59:59 UTC");
  CHECK(util::format_rfc3339(2'147'483'648'000) == "2038-01-19T03:14:08.000Z");
  CHECK(util::format_seconds(2'147'483'648'000) == "2147483648.000");
}

TEST_CASE("timestamp: format_time does not depend on the machine's time zone") {
  {
    const support::ScopedVariable zone("TZ", "EST+5");
    tzset();
    CHECK(util::format_time(1'795'507'820'000) == "2026-11-24 08:10:20 UTC");
    CHECK(util::format_rfc3339(1'795'507'820'000) == "2026-11-24T08:10:20.000Z");
  }
  tzset();
}

TEST_CASE("timestamp: format_local_rfc3339 uses TZ, and shows the offset") {
  for (const auto& [zone, text] : {std::pair("UTC0", "2026-11-24T08:10:20+00:00"),
                                   {"CET-1", "2026-11-24T09:10:20+01:00"},
                                   {"NST3:30", "2026-11-24T04:40:20-03:30"}}) {
    const support::ScopedVariable tz("TZ", zone);
    CHECK(util::format_local_rfc3339(1'795'507'820'999) == text);
  }
  tzset();
}

TEST_CASE("timestamp: format_seconds has three exact decimals") {
  CHECK(util::format_seconds(0) == "0.000");
  CHECK(util::format_seconds(7) == "0.007");
  CHECK(util::format_seconds(70) == "0.070");
  CHECK(util::format_seconds(700) == "0.700");
  CHECK(util::format_seconds(1'790'000'000'123) == "1790000000.123");
  CHECK(util::format_seconds(9'007'199'254'740'991) == "9007199254740.991");  // 2^53 - 1
}

TEST_CASE("timestamp: format_rfc3339 has three digits of milliseconds") {
  CHECK(util::format_rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(util::format_rfc3339(1'795'507'820'123) == "2026-11-24T08:10:20.123Z");
  CHECK(util::format_rfc3339(1'795'507'820'007) == "2026-11-24T08:10:20.007Z");
  CHECK(util::format_rfc3339(1'709'251'199'999) == "2024-02-29T23:59:59.999Z");
}
