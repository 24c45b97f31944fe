#include "util/time_point.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/scoped_variable.hpp"

using namespace condolock;

namespace {

constexpr std::int64_t now = 1'795'725'000'123;  // 2026-11-26 20:30:00.123 UTC

std::int64_t utc(const std::string& text) { return util::parse_time_point(text, now, util::Zone::utc).value(); }
std::int64_t local(const std::string& text) { return util::parse_time_point(text, now, util::Zone::local).value(); }

}  // namespace

TEST_CASE("parse_time_point: a duration counts back from now") {
  CHECK(utc("2h") == now - 7'200'000);
  CHECK(utc("1 day 2h") == now - 93'600'000);
  CHECK(utc("300") == now - 300'000);
  CHECK(utc("now") == now);
}

TEST_CASE("parse_time_point: days, dates and times are read in UTC") {
  CHECK(utc("today") == 1'795'651'200'000);
  CHECK(utc("yesterday") == 1'795'564'800'000);
  CHECK(utc("2026-11-26") == 1'795'651'200'000);
  CHECK(utc("2026-11-26 08:00") == 1'795'680'000'000);
  CHECK(utc("2026-11-26T08:00:30") == 1'795'680'030'000);
  CHECK(utc("2026-11-26T08:00:30.123Z") == 1'795'680'030'000);  // as history --json prints it, without the fraction
  CHECK(utc("2028-02-29") == 1'835'395'200'000);
  CHECK(utc("@1795680000") == 1'795'680'000'000);
}

TEST_CASE("parse_time_point: the local zone has daylight saving time; Z and an offset override it") {
  const support::ScopedVariable zone("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(local("2026-11-26 08:00") == 1'795'676'400'000);
  CHECK(local("2026-07-01 08:00") == 1'782'885'600'000);
  CHECK(local("today") == 1'795'647'600'000);
  CHECK(local("2026-11-26 08:00Z") == 1'795'680'000'000);
  CHECK(local("2026-11-26T08:00:00+02:00") == 1'795'672'800'000);
  CHECK(local("2026-11-26T08:00:00-05:30") == 1'795'699'800'000);
}

TEST_CASE("parse_time_point: other text is refused, with what to write") {
  for (const char* bad : {"",
                          " ",
                          "tomorrow",
                          "2026-13-01",
                          "2026-11-31",
                          "2026-02-29",
                          "2026-11-26 24:00",
                          "2026-11-26 8:00",
                          "2026-11-26 08:00 ",
                          "2026-11-26 08:00+1:00",
                          "2026-11-26 08:00+15:00",
                          "26.11.2026",
                          "08:00",
                          "-2h",
                          "@",
                          "@-1",
                          "@1e9",
                          "2026-11-26 08:00:61",
                          "2026-11-31 23:59:60",
                          "2026-11-26x"}) {
    CAPTURE(bad);
    const auto at = util::parse_time_point(bad, now, util::Zone::utc);
    REQUIRE_FALSE(at);
    CHECK(at.error().text.find("use 2h, 2d, today") != std::string::npos);
  }
}
