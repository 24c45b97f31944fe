#include "util/duration.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using condolock::Millis;
using condolock::util::format_duration;
using condolock::util::format_duration_up;
using condolock::util::parse_duration;

TEST_CASE("durations in every accepted form are parsed") {
  const std::map<std::string, std::int64_t> forms{{"300", 300'000},
                                                  {"0", 0},
                                                  {"1.5h", 5'400'000},
                                                  {"5m30s", 330'000},
                                                  {"5min 30s", 330'000},
                                                  {"2d", 172'800'000},
                                                  {"250ms", 250},
                                                  {"1w", 604'800'000},
                                                  {"0.25", 250},
                                                  {"1d2h3m4s5ms", 93'784'005},
                                                  {"010", 10'000},
                                                  {"1.001s", 1001},
                                                  {"36525d", 3'155'760'000'000},
                                                  {"1h 30m", 5'400'000},
                                                  {"5 min", 300'000},
                                                  {"1 hour", 3'600'000},
                                                  {"30sec", 30'000},
                                                  {"2 days", 172'800'000},
                                                  {"1hr", 3'600'000},
                                                  {"30s5m", 330'000},
                                                  {"5m5m", 600'000},
                                                  {"2 weeks 1 day", 1'296'000'000},
                                                  {"90 seconds 5 msec", 90'005},
                                                  {"1minute 1second", 61'000},
                                                  {"3hours", 10'800'000},
                                                  {"2minutes", 120'000},
                                                  {"1week", 604'800'000}};
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

TEST_CASE("invalid durations are refused with a short text that names them") {
  const std::map<std::string, std::string> refused{{"", "it is empty"},
                                                   {"-1", "it must not have a sign"},
                                                   {"+1", "it must not have a sign"},
                                                   {"1e999", "unknown unit 'e'; use ms, s, min, h, d or w"},
                                                   {"nan", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"inf", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"PT5M", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"5M", "'M' has no fixed length; use min or d"},
                                                   {"1y", "'y' has no fixed length; use min or d"},
                                                   {"1 month", "'month' has no fixed length; use min or d"},
                                                   {"2 years", "'years' has no fixed length; use min or d"},
                                                   {"5x", "unknown unit 'x'; use ms, s, min, h, d or w"},
                                                   {"5S", "unknown unit 'S'; use ms, s, min, h, d or w"},
                                                   {"5us", "unknown unit 'us'; use ms, s, min, h, d or w"},
                                                   {" 5", "it begins or ends with a space"},
                                                   {"5 ", "it begins or ends with a space"},
                                                   {"5m  ", "it begins or ends with a space"},
                                                   {".5s", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"5.", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"5.s", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"1.2.3", "unknown unit '.'; use ms, s, min, h, d or w"},
                                                   {"1,5", "unknown unit ','; use ms, s, min, h, d or w"},
                                                   {"5m30", "each number needs a unit: ms, s, min, h, d or w"},
                                                   {"1s 2", "each number needs a unit: ms, s, min, h, d or w"},
                                                   {"0.5ms 1", "it is finer than a millisecond"},
                                                   {"5mm", "unknown unit 'mm'; use ms, s, min, h, d or w"},
                                                   {"0x10", "unknown unit 'x'; use ms, s, min, h, d or w"},
                                                   {"ms", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"5 ms s", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"99999999999999999999", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"12345678901", "write it as 300, 90s, 5min 30s or 1.5h"},
                                                   {"36526d", "it is longer than 100 years"},
                                                   {"1.0005s", "it is finer than a millisecond"},
                                                   {"0.1ms", "it is finer than a millisecond"}};
  for (const auto& form : refused) {
    const auto& text = form.first;
    const auto& why = form.second;
    CAPTURE(text);
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    const std::string expected = std::string("invalid duration '").append(text).append("': ").append(why);
    CHECK(parsed.error().text == expected);
  }
  const std::string long_text = parse_duration(std::string(1000, 'x')).error().text;
  CHECK(long_text.find("xxx...': ") != std::string::npos);
  CHECK(long_text.size() < 110);
}

TEST_CASE("durations are shown in at most two units") {
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

TEST_CASE("format_duration_up never shows a time that is too short") {
  CHECK(format_duration_up(Millis(169'001)) == "2m50s");
  CHECK(format_duration_up(Millis(170'000)) == "2m50s");
  CHECK(format_duration_up(Millis(999)) == "999ms");
  CHECK(format_duration_up(Millis(4201)) == "4.3s");
  CHECK(format_duration_up(Millis(3'600'001)) == "1h1m");
  CHECK(format_duration_up(Millis(86'400'001)) == "1d1h");
  CHECK(format_duration_up(Millis(0)) == "0s");
}
