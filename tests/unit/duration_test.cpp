#include "util/duration.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using condolock::Millis;
using condolock::util::format_duration;
using condolock::util::format_duration_up;
using condolock::util::parse_duration;

TEST_CASE("durations that people write") {
  const std::map<std::string, std::int64_t> forms{
      {"300", 300'000},    {"0", 0},         {"1.5h", 5'400'000},           {"5m30s", 330'000}, {"5min 30s", 330'000},
      {"2d", 172'800'000}, {"250ms", 250},   {"1w", 604'800'000},           {"0.25", 250},      {"1d2h3m4s5ms", 93'784'005},
      {"010", 10'000},     {"1.001s", 1001}, {"36525d", 3'155'760'000'000}, {"0.5ms 1", -1},    {"1h 30m", 5'400'000}};
  for (const auto& form : forms) {
    const auto& text = form.first;
    const auto& ms = form.second;
    CAPTURE(text);
    const auto parsed = parse_duration(text);
    if (ms < 0) {
      CHECK_FALSE(parsed);
    } else {
      REQUIRE(parsed);
      CHECK(parsed->count() == ms);
    }
  }
}

TEST_CASE("durations that are refused, with a text that names them") {
  for (const std::string text : {"",        "-1",
                                 "+1",      "1e999",
                                 "nan",     "inf",
                                 "5M",      "1y",
                                 "5x",      "5S",
                                 "5 m",     " 5",
                                 "5 ",      ".5s",
                                 "5.",      "5.s",
                                 "1.2.3",   "1,5",
                                 "5m30",    "30s5m",
                                 "5m5m",    "5mm",
                                 "0x10",    "1s 2",
                                 "ms",      "99999999999999999999",
                                 "36526d",  "5m  ",
                                 "1.0005s", "0.1ms",
                                 "5min5m",  "12345678901"}) {
    CAPTURE(text);
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text.find("'" + text + "' is not a duration: ") == 0);
    CHECK(parsed.error().text.find("5m30s") != std::string::npos);
  }
}

TEST_CASE("durations as they are shown") {
  const std::map<std::int64_t, std::string> shown{{-5, "0s"},         {0, "0s"},
                                                  {1, "1ms"},         {999, "999ms"},
                                                  {1000, "1s"},       {4290, "4.2s"},
                                                  {41'999, "41s"},    {60'000, "1m"},
                                                  {130'000, "2m10s"}, {3'600'000, "1h"},
                                                  {3'605'000, "1h"},  {11'100'000, "3h5m"},
                                                  {86'400'000, "1d"}, {97'200'000, "1d3h"},
                                                  {604'800'000, "7d"}};
  for (const auto& [ms, text] : shown) CHECK(format_duration(Millis(ms)) == text);
}

TEST_CASE("what is due is never promised too early") {
  CHECK(format_duration_up(Millis(169'001)) == "2m50s");
  CHECK(format_duration_up(Millis(170'000)) == "2m50s");
  CHECK(format_duration_up(Millis(999)) == "999ms");
  CHECK(format_duration_up(Millis(4201)) == "4.3s");
  CHECK(format_duration_up(Millis(3'600'001)) == "1h1m");
  CHECK(format_duration_up(Millis(86'400'001)) == "1d1h");
  CHECK(format_duration_up(Millis(0)) == "0s");
}
