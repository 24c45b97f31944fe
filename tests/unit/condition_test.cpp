#include "lock/condition.hpp"

#include <doctest/doctest.h>

#include <string>

#include "util/escape.hpp"

using namespace condolock;

namespace {

const lock::ConditionKind& kind(std::string_view option) {
  for (const lock::ConditionKind& each : lock::condition_kinds) {
    if (each.option == option) return each;
  }
  FAIL("no condition " << option);
  return lock::condition_kinds[0];
}

lock::Condition parsed(std::string_view option, std::string_view text) {
  const auto condition = kind(option).parse(text);
  REQUIRE(condition);
  return *condition;
}

}  // namespace

TEST_CASE("min-time is parsed, shown and explained") {
  const auto condition = std::get<lock::MinTime>(parsed("--min-time", "5m"));
  CHECK(condition.n == Millis(300'000));
  CHECK(condition.from == From::end);
  CHECK(encode(condition).name == "min-time");
  CHECK(encode(condition).number == 300'000);
  CHECK(encode(condition).word == "end");
  CHECK(encode(lock::MinTime{Millis(1), From::start}).word == "start");
  CHECK(shown(condition) == "--min-time 5m");
  CHECK(shown(lock::MinTime{Millis(1000), From::start}) == "--min-time 1s --min-time-from start");
  CHECK(explain(condition, {"recent", Millis(130'000), Millis(170'000)}) ==
        "last success 2m10s ago, needs 5m (due in 2m50s)");
  CHECK(explain(condition, {"holds", Millis(310'000), {}}) == "last success 5m10s ago");
  CHECK(explain(condition, {"holds", {}, {}}) == "no success yet");
  CHECK_FALSE(kind("--min-time").parse("-1"));
}

TEST_CASE("accessed-prior splits at the last colon") {
  const auto condition = std::get<lock::AccessedPrior>(parsed("--accessed-prior", "a:b:300"));
  CHECK(condition.key == "a:b");
  CHECK(condition.time == Millis(300'000));
  CHECK(encode(condition).key == "a:b");
  for (const char* wrong : {"checking", ":300", "checking:", "checking:x", "300"}) {
    CAPTURE(wrong);
    CHECK_FALSE(kind("--accessed-prior").parse(wrong));
  }
  CHECK(kind("--accessed-prior").parse("che\x1b").error().text.find('\x1b') == std::string::npos);
}

TEST_CASE("accessed-prior says why it does not hold") {
  const lock::Condition condition = lock::AccessedPrior{"che\nck", Millis(300'000)};
  CHECK(explain(condition, {"never", {}, {}}) == "che\\x0ack has not run yet, needs a success at most 5m ago");
  CHECK(explain(condition, {"failed", Millis(20'000), {}}) ==
        "the last run of che\\x0ack failed 20s ago, needs a success at most 5m ago");
  CHECK(explain(condition, {"stale", Millis(420'000), {}}) == "che\\x0ack succeeded 7m ago, needs a success at most 5m ago");
  CHECK(explain(condition, {"holds", Millis(60'000), {}}) == "che\\x0ack succeeded 1m ago");
  CHECK(shown(condition) == "--accessed-prior che\\x0ack:5m");
}

TEST_CASE("after and not-running take a key") {
  CHECK(std::get<lock::After>(parsed("--after", "a:b")).key == "a:b");
  CHECK(std::get<lock::NotRunning>(parsed("--not-running", "x")).key == "x");
  CHECK(encode(lock::After{"a"}).key == "a");
  CHECK(encode(lock::NotRunning{"a"}).key == "a");
  CHECK_FALSE(kind("--after").parse(""));
  CHECK_FALSE(kind("--not-running").parse(std::string(1025, 'k')));
  CHECK(explain(lock::After{"a\n"}, {"never", {}, {}}) == "a\\x0a has not succeeded yet");
  CHECK(explain(lock::After{"a"}, {"old", Millis(60'000), {}}) ==
        "a succeeded 1m ago, but not since the last success began");
  CHECK(explain(lock::After{"a"}, {"holds", Millis(60'000), {}}) == "a succeeded 1m ago");
  CHECK(explain(lock::NotRunning{"a"}, {"running", Millis(60'000), {}}) == "a has been running for 1m");
  CHECK(explain(lock::NotRunning{"a"}, {"holds", {}, {}}) == "a is not running");
  CHECK(shown(lock::After{"a"}) == "--after a");
  CHECK(shown(lock::NotRunning{"a"}) == "--not-running a");
}

TEST_CASE("retry-after and max-failures are parsed, shown and explained") {
  CHECK(std::get<lock::RetryAfter>(parsed("--retry-after", "5m")).n == Millis(300'000));
  CHECK(std::get<lock::MaxFailures>(parsed("--max-failures", "010")).limit == 10);
  CHECK(encode(lock::RetryAfter{Millis(5)}).number == 5);
  CHECK(encode(lock::MaxFailures{7}).number == 7);
  for (const char* wrong : {"", "0", "-1", "1.5", "x", "1000001", "5m"}) CHECK_FALSE(kind("--max-failures").parse(wrong));
  CHECK_FALSE(kind("--retry-after").parse("-1"));
  const lock::Condition retry = lock::RetryAfter{Millis(300'000)};
  CHECK(explain(retry, {"failed", Millis(20'000), Millis(280'000)}) ==
        "the last run failed 20s ago, needs 5m (due in 4m40s)");
  CHECK(explain(retry, {"holds", Millis(400'000), {}}) == "the last run failed 6m40s ago");
  CHECK(explain(retry, {"holds", {}, {}}) == "the last run did not fail");
  const lock::Condition failures = lock::MaxFailures{3};
  CHECK(explain(failures, {"holds", {}, {}}) == "no failure yet");
  CHECK(explain(failures, {"holds", Millis(1000), {}}) == "fewer than 3 failures in a row, the last 1s ago");
  CHECK(explain(failures, {"failed", Millis(1000), {}}) ==
        "3 or more failures in a row, the last 1s ago (when fixed, run: condolock touch KEY)");
}

TEST_CASE("min-time-from modifies only min-time, at any place") {
  std::vector<lock::Condition> conditions{lock::AccessedPrior{"a", Millis(1)}, lock::MinTime{Millis(5)}};
  CHECK_FALSE(lock::modify(conditions, "--min-time-from", "start"));
  CHECK(std::get<lock::MinTime>(conditions[1]).from == From::start);
  CHECK_FALSE(lock::modify(conditions, "--min-time-from", "end"));
  CHECK(std::get<lock::MinTime>(conditions[1]).from == From::end);
  conditions.pop_back();
  const auto problem = lock::modify(conditions, "--min-time-from", "start");
  REQUIRE(problem);
  CHECK(problem->text == "--min-time-from requires --min-time D");
  REQUIRE(kind("--min-time").modifier);
  CHECK(kind("--min-time").modifier->option == "--min-time-from");
  CHECK_FALSE(kind("--min-time").check_modifier("start"));
  CHECK(kind("--min-time").check_modifier("begin")->text == "invalid value 'begin': use start or end");
  CHECK_FALSE(kind("--once").modifier);
}

TEST_CASE("refusal_in_words: every condition uses the words of its verdict") {
  const auto words = [](const char* why) { return lock::refusal_in_words(why); };
  CHECK(words("min-time recent 130000 300000 end") == "last success 2m10s ago, needs 5m");
  CHECK(words("min-time recent 130000 300000 start") == "last success began 2m10s ago, needs 5m");
  CHECK(words("accessed-prior never - 300000 my job") == "my job has not run yet, needs a success at most 5m ago");
  CHECK(words("accessed-prior stale 600000 300000 a\n") == "a\\x0a succeeded 10m ago, needs a success at most 5m ago");
  CHECK(words("after old 1000 0 load") == "load succeeded 1s ago, but not since the last success began");
  CHECK(words("not-running running 2000 0 load") == "load has been running for 2s");
  CHECK(words("retry-after failed 1000 60000 ") == "the last run failed 1s ago, needs 1m");
  CHECK(words("max-failures failed 1000 3 ").starts_with("3 or more failures in a row, the last 1s ago"));
  CHECK(words("max-runs many 1000 3 3600000") == "3 runs began in the last 1h, the first one 1s ago");
  CHECK(words("once done 1000 0 id 7") == "a run with the ID id 7 succeeded 1s ago");
  CHECK(words("predicate fails - 0 disk has room") == "disk has room does not hold");
  CHECK(words("held 4121 web1") == "held by web1 (pid 4121)");
  CHECK(words("paused") == "paused");
  CHECK(words("paused alice@web1 ") == "paused by alice@web1");
  CHECK(words("paused  upgrade\x1b") == "paused: upgrade\\x1b");
  CHECK(words("all-paused alice@web1 new switch") == "all keys paused by alice@web1: new switch");
}

TEST_CASE("refusal_in_words: a text that may have been cut is marked") {
  const std::string full = "accessed-prior never - 300000 " + std::string(34, 'n');
  REQUIRE(full.size() == 64);
  CHECK(lock::refusal_in_words(full).starts_with(std::string(34, 'n') + "... has not run yet"));
  CHECK(lock::refusal_in_words(full.substr(0, 63)).starts_with(std::string(33, 'n') + " has not run yet"));
}

TEST_CASE("refusal_in_words: an unreadable text is shown escaped") {
  for (const char* why :
       {"", "min-time", "min-time recent", "min-time recent 1 x end", "later-condition bad 1 2 three\x1b"}) {
    CAPTURE(why);
    CHECK(lock::refusal_in_words(why) == util::escape(why));
  }
}

TEST_CASE("conditions know their needs and their conflicts") {
  CHECK_FALSE(lock::needs_of({lock::MinTime{Millis(5)}}).starts);
  CHECK(lock::needs_of({lock::MinTime{Millis(5)}}).once.empty());
  const auto needs = lock::needs_of({lock::MaxRuns{3, Millis(1000)}, lock::Once{"id"}});
  CHECK(needs.starts == 3);
  CHECK(needs.once == "id");
  CHECK_FALSE(lock::clash({lock::MaxRuns{3, Millis(1000)}}, lock::RunMode::several_slots));
  for (const auto mode : {lock::RunMode::several_slots, lock::RunMode::unleased}) {
    const auto clash = lock::clash({lock::MinTime{Millis(5)}, lock::Once{"id"}}, mode);
    REQUIRE(clash);
    CHECK(clash->option == "--once");
  }
}
