// Each condition, and those of the program's own.
#include <doctest/doctest.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "api/place.hpp"

using namespace condolock;
using namespace std::chrono_literals;
using api_test::eventually;
using api_test::Place;

namespace {

std::string decide(const Engine& engine, Condition condition) {
  ConditionalLock lock(engine);
  lock.add(std::move(condition));
  const ConditionContext context("job", lock);
  return context.decision().text;
}

}  // namespace

TEST_CASE("each condition is judged by the engine") {
  const Place place;
  const auto engine = place.connect();

  SUBCASE("MinTime") {
    CHECK(decide(*engine, MinTime{1h}).empty());
    CHECK(decide(*engine, MinTime{1h}).starts_with("last success "));
    CHECK(decide(*engine, MinTime{1h, From::start}).starts_with("last success began "));
    CHECK(decide(*engine, MinTime{0s}).empty());
  }
  SUBCASE("AccessedPrior") {
    CHECK(decide(*engine, AccessedPrior{"a:b", 1h}).starts_with("a:b has not run yet"));
    engine->touch("a:b", Outcome::failure);
    CHECK(decide(*engine, AccessedPrior{"a:b", 1h}).starts_with("the last run of a:b failed"));
    engine->touch("a:b");
    CHECK(decide(*engine, AccessedPrior{"a:b", 1h}).empty());
  }
  SUBCASE("After") {
    CHECK(decide(*engine, After{"load"}) == "load has not succeeded yet");
    engine->touch("load");
    std::this_thread::sleep_for(5ms);  // a success in the same millisecond counts as one since then
    CHECK(decide(*engine, After{"load"}).empty());
    CHECK(decide(*engine, After{"load"}).find("but not since the last success began") != std::string::npos);
  }
  SUBCASE("NotRunning") {
    CHECK(decide(*engine, NotRunning{"other"}).empty());
    const ConditionContext other("other", ConditionalLock(*engine));
    CHECK(decide(*engine, NotRunning{"other"}).starts_with("other has been running for "));
  }
  SUBCASE("RetryAfter") {
    engine->touch("job", Outcome::failure);
    CHECK(decide(*engine, RetryAfter{1h}).starts_with("the last run failed "));
    CHECK(decide(*engine, RetryAfter{0s}).empty());
  }
  SUBCASE("MaxFailures") {
    engine->touch("job", Outcome::failure);
    CHECK(decide(*engine, MaxFailures{1}).starts_with("1 or more failures in a row"));
    CHECK(decide(*engine, MaxFailures{2}).empty());
  }
  SUBCASE("MaxRuns") {
    CHECK(decide(*engine, MaxRuns{2, 1h}).empty());
    CHECK(decide(*engine, MaxRuns{2, 1h}).empty());
    CHECK(decide(*engine, MaxRuns{2, 1h}).starts_with("2 runs began in the last 1h"));
  }
  SUBCASE("Once") {
    CHECK(decide(*engine, Once{"v1"}).empty());
    CHECK(decide(*engine, Once{"v1"}).starts_with("a run with the ID v1 succeeded "));
    CHECK(decide(*engine, Once{"v2"}).empty());
  }
}

TEST_CASE("check says what holds, and changes nothing") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add(MinTime{300s}).add([] { return false; }, "disk has room");
  engine->touch("job");
  const Check check = lock.check("job");
  CHECK_FALSE(check.would_run);
  CHECK_FALSE(check.busy);
  CHECK(check.text.starts_with("last success "));
  REQUIRE(check.verdicts.size() == 2);
  CHECK(check.verdicts[0].condition == "--min-time 5m");
  CHECK_FALSE(check.verdicts[0].holds);
  CHECK(*check.verdicts[0].due > 290s);
  CHECK(check.verdicts[1].condition == "disk has room");
  CHECK(check.verdicts[1].text == "disk has room does not hold");
  CHECK(engine->status("job").skips == 0);
  CHECK(ConditionalLock(*engine).check("job").would_run);

  const ConditionContext context("job", ConditionalLock(*engine));
  CHECK(ConditionalLock(*engine).check("job").busy);
  CHECK(ConditionalLock(*engine).check("job").text.starts_with("held by "));
}

TEST_CASE("a condition is replaced by another of its kind, unless it may be given several times") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add(MinTime{1h}).add(MinTime{2h}).add(NotRunning{"a"}).add(NotRunning{"b"});
  const Check check = lock.check("job");
  REQUIRE(check.verdicts.size() == 3);
  CHECK(check.verdicts[0].condition == "--min-time 2h");
  CHECK(check.verdicts[2].condition == "--not-running b");
}

TEST_CASE("a copy of a lock is a lock of its own") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  ConditionalLock copy(lock);
  copy.add(AccessedPrior{"never", 1s});
  CHECK(lock.check("job").would_run);
  CHECK_FALSE(copy.check("job").would_run);
  lock = copy;
  CHECK_FALSE(lock.check("job").would_run);
  ConditionalLock moved(std::move(copy));
  CHECK_FALSE(moved.check("job").would_run);
}

TEST_CASE("a predicate is asked before the step, and its refusal is counted and shown like any other") {
  const Place place;
  const auto engine = place.connect();
  bool has_room = false;
  int asked = 0;
  ConditionalLock lock(*engine);
  lock.add(
      [&] {
        ++asked;
        return has_room;
      },
      "disk has room");
  {
    const ConditionContext context("job", lock);
    CHECK(context.decision().kind == Decision::Kind::skipped);
    CHECK(context.decision().text == "disk has room does not hold");
    CHECK(context.decision().condition == 0);
  }
  CHECK(asked == 1);
  REQUIRE(engine->status("job").last_skip.has_value());
  CHECK(engine->status("job").last_skip->why == "disk has room does not hold");
  CHECK(engine->status("job").skips == 1);
  has_room = true;
  CHECK(ConditionContext("job", lock).success());
}

TEST_CASE("a wait asks a predicate again") {
  const Place place;
  const auto engine = place.connect();
  int asked = 0;
  ConditionalLock lock(*engine);
  lock.add([&] { return ++asked > 2; });
  CHECK(ConditionContext("job", lock, {.wait = 1min}).success());
  CHECK(asked == 3);
}

TEST_CASE("a predicate takes no time from the step: it may be slower than an exchange with the server") {
  const Place place;
  const auto engine = place.connect({.timeout = 5s});  // 1 s for one exchange
  ConditionalLock lock(*engine);
  lock.add([] {
    std::this_thread::sleep_for(2500ms);
    return true;
  });
  CHECK(ConditionContext("job", lock).success());
}

TEST_CASE("a wait that ends with a free lease asks the predicate again before it takes the lease") {
  const Place place;
  const auto engine = place.connect();
  std::optional<ConditionContext> first(std::in_place, "job", ConditionalLock(*engine));
  std::atomic<bool> allowed{true};
  std::atomic<int> asked{0};
  ConditionalLock lock(*engine);
  lock.add([&] {
    ++asked;
    return allowed.load();
  });
  std::thread waiter([&] {
    const ConditionContext second("job", lock, {.wait = 10s});
    CHECK(second.decision().kind == Decision::Kind::skipped);
  });
  CHECK(eventually([&] { return asked > 0 && engine->status("job").skips > 0; }));
  allowed = false;
  first.reset();
  waiter.join();
  CHECK(asked > 1);
}

TEST_CASE("a wait with a predicate begins soon after the lease is free") {
  const Place place;
  const auto engine = place.connect();
  std::optional<ConditionContext> first(std::in_place, "job", ConditionalLock(*engine));
  ConditionalLock lock(*engine);
  lock.add([] { return true; });
  std::thread end([&] {
    CHECK(eventually([&] { return engine->status("job").skips > 0; }));
    first.reset();
  });
  const ConditionContext second("job", lock, {.wait = 1min});
  end.join();
  CHECK(second.success());
}

TEST_CASE("what a predicate throws is the caller's, and nothing is held then") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add([]() -> bool { throw std::logic_error("the predicate's own"); });
  Error error;
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", lock)), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", lock, {}, error)), std::logic_error);
  CHECK_THROWS_AS(lock.check("job"), std::logic_error);
  CHECK_THROWS_AS(lock.check("job", 1, error), std::logic_error);
  ConditionalLock similar(*engine);
  similar.add([]() -> bool { throw std::system_error(std::make_error_code(std::errc::io_error)); });
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", similar)), std::system_error);
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", similar, {}, error)), std::system_error);
  ConditionalLock same(*engine);
  same.add([]() -> bool { throw Exception({Errc::denied, "the predicate's own"}); });
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", same, {}, error)), Exception);
  CHECK(ConditionContext("job", ConditionalLock(*engine)).success());
}
