#include "lock/condition.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace condolock;

namespace {

const ConditionKind& kind(std::string_view option) {
  for (const ConditionKind& each : condition_kinds) {
    if (each.option == option) return each;
  }
  FAIL("no condition " << option);
  return condition_kinds[0];
}

Condition parsed(std::string_view option, std::string_view text) {
  const auto condition = kind(option).parse(text);
  REQUIRE(condition);
  return *condition;
}

}  // namespace

TEST_CASE("min-time") {
  const auto condition = std::get<MinTime>(parsed("--min-time", "5m"));
  CHECK(condition.n == Millis(300'000));
  CHECK(condition.from == From::end);
  CHECK(encode(condition).name == "min-time");
  CHECK(encode(condition).number == 300'000);
  CHECK(encode(condition).word == "end");
  CHECK(encode(MinTime{Millis(1), From::start}).word == "start");
  CHECK(shown(condition) == "--min-time 5m");
  CHECK(shown(MinTime{Millis(1000), From::start}) == "--min-time 1s --min-time-from start");
  CHECK(explain(condition, {"recent", Millis(130'000), Millis(170'000)}) ==
        "last success 2m10s ago, needs 5m (due in 2m50s)");
  CHECK(explain(condition, {"holds", Millis(310'000), {}}) == "last success 5m10s ago");
  CHECK(explain(condition, {"holds", {}, {}}) == "no success yet");
  CHECK_FALSE(kind("--min-time").parse("-1"));
}

TEST_CASE("accessed-prior splits at the last colon") {
  const auto condition = std::get<AccessedPrior>(parsed("--accessed-prior", "a:b:300"));
  CHECK(condition.key == "a:b");
  CHECK(condition.time == Millis(300'000));
  CHECK(encode(condition).key == "a:b");
  for (const char* wrong : {"checking", ":300", "checking:", "checking:x", "300"}) {
    CAPTURE(wrong);
    CHECK_FALSE(kind("--accessed-prior").parse(wrong));
  }
  CHECK(kind("--accessed-prior").parse("che\x1b").problem().find('\x1b') == std::string::npos);
}

TEST_CASE("accessed-prior says why it does not hold") {
  const Condition condition = AccessedPrior{"che\nck", Millis(300'000)};
  CHECK(explain(condition, {"never", {}, {}}) == "che\\x0ack has not run yet, needs a success at most 5m ago");
  CHECK(explain(condition, {"failed", Millis(20'000), {}}) ==
        "the last run of che\\x0ack failed 20s ago, needs a success at most 5m ago");
  CHECK(explain(condition, {"stale", Millis(420'000), {}}) == "che\\x0ack succeeded 7m ago, needs a success at most 5m ago");
  CHECK(explain(condition, {"holds", Millis(60'000), {}}) == "che\\x0ack succeeded 1m ago");
  CHECK(shown(condition) == "--accessed-prior che\\x0ack:5m");
}
