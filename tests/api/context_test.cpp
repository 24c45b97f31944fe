// ConditionContext: from the question to the record.
#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "api/place.hpp"

using namespace condolock;
using namespace std::chrono_literals;
using api_test::eventually;
using api_test::Place;

TEST_CASE("the first example of the documentation runs once, and is then skipped with the reason") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add(MinTime{300s}).add(AccessedPrior{"checking", 300s});
  {
    const ConditionContext context("backup", lock);
    CHECK_FALSE(context.success());
    CHECK(context.decision().kind == Decision::Kind::skipped);
    CHECK(context.decision().condition == 1);
    CHECK(context.decision().text == "checking has not run yet, needs a success at most 5m ago");
    CHECK(context.fence() == 0);
    CHECK(context.lost());
  }
  engine->touch("checking");
  {
    const ConditionContext context("backup", lock);
    REQUIRE(context.success());
    CHECK(context.decision().kind == Decision::Kind::granted);
    CHECK(context.fence() > 0);
    CHECK_FALSE(context.lost());
    CHECK_FALSE(context.last_success().has_value());
    CHECK(context.remaining() > 30s);
  }
  CHECK(engine->status("backup").last_outcome == "success");
  const ConditionalContext context("backup", lock);  // the name that it had at first
  CHECK(context.decision().kind == Decision::Kind::skipped);
  CHECK(context.decision().text.find("needs 5m (due in ") != std::string::npos);
  REQUIRE(context.decision().due.has_value());
  CHECK(*context.decision().due > 290s);
}

TEST_CASE("the end of a run is recorded as the program says it") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);

  SUBCASE("leaving the scope is a success") {
    { const ConditionContext context("job", lock); }
    CHECK(engine->status("job").last_outcome == "success");
    CHECK(engine->status("job").last_code == 0);
  }
  SUBCASE("leaving the scope with an exception is a failure") {
    try {
      const ConditionContext context("job", lock);
      throw std::runtime_error("the work failed");
    } catch (const std::runtime_error&) {
    }
    CHECK(engine->status("job").last_outcome == "failed");
    CHECK(engine->status("job").last_code == 1);
  }
  SUBCASE("a context that is made while an exception passes is a success") {
    struct Cleaner {
      const ConditionalLock& lock;
      ~Cleaner() { const ConditionContext context("job", lock); }
    };
    try {
      const Cleaner cleaner{lock};
      throw std::runtime_error("elsewhere");
    } catch (const std::runtime_error&) {
    }
    CHECK(engine->status("job").last_outcome == "success");
  }
  SUBCASE("finish says how it went, once") {
    ConditionContext context("job", lock);
    context.finish(Outcome::failure, 3);
    CHECK(engine->status("job").last_code == 3);
    CHECK(context.lost());
    CHECK(context.lost_reason().empty());
    CHECK(context.remaining() == 0ms);
    Error error;
    context.finish(Outcome::success, {}, error);
    CHECK(error.code == Errc::invalid);
    CHECK(error.text == "the run of job was finished before");
    CHECK_THROWS_AS(context.finish(Outcome::success), Exception);
    CHECK(engine->status("job").runs == 1);
  }
  SUBCASE("an exit code that does not fit the outcome is refused, and the run goes on") {
    ConditionContext context("job", lock);
    Error error;
    context.finish(Outcome::failure, 0, error);
    CHECK(error.code == Errc::invalid);
    context.finish(Outcome::failure, 256, error);
    CHECK(error.code == Errc::invalid);
    context.finish(Outcome::success, 1, error);
    CHECK(error.text == "invalid exit code '1': use 0 for a success, 1 to 255 for a failure");
    CHECK_FALSE(context.lost());
    context.finish(Outcome::success);
    CHECK(engine->status("job").last_outcome == "success");
  }
  SUBCASE("a context that was moved is finished by its new owner alone") {
    {
      ConditionContext first("job", lock);
      const std::int64_t fence = first.fence();
      const ConditionContext second(std::move(first));
      CHECK(second.fence() == fence);
      CHECK_FALSE(first.success());  // NOLINT(bugprone-use-after-move): what is left of it
      CHECK(first.lost());
      CHECK(first.deadline().expired());
      CHECK_FALSE(first.stop_token().stop_possible());
    }
    CHECK(engine->status("job").runs == 1);
  }
}

TEST_CASE("a run keeps others out, and a wait ends with its end") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  std::optional<ConditionContext> first(std::in_place, "job", lock);
  REQUIRE(first->success());

  SUBCASE("without a wait, the second is refused at once, and says who holds the lease") {
    const ConditionContext second("job", lock);
    CHECK(second.decision().kind == Decision::Kind::held);
    CHECK(second.decision().text.starts_with("held by "));
  }
  SUBCASE("with a wait, it runs when the first has ended, with a greater fence") {
    const std::int64_t fence = first->fence();
    std::thread end([&] {
      std::this_thread::sleep_for(200ms);
      first.reset();
    });
    const ConditionContext second("job", lock, {.wait = 1min});
    end.join();
    CHECK(second.success());
    CHECK(second.fence() > fence);
    CHECK(second.last_success().has_value());
  }
  SUBCASE("a wait that is too short ends with the refusal") {
    const ConditionContext second("job", lock, {.wait = 200ms});
    CHECK(second.decision().kind == Decision::Kind::held);
  }
  SUBCASE("a time in the past is no wait") {
    const ConditionContext second("job", lock, {.wait = std::chrono::steady_clock::now() - 1h});
    CHECK(second.decision().kind == Decision::Kind::held);
  }
  SUBCASE("a stop ends a wait without an end") {
    std::stop_source stop;
    std::thread later([&] {
      std::this_thread::sleep_for(200ms);
      stop.request_stop();
    });
    const ConditionContext second("job", lock, {.wait = Wait::forever(), .stop = stop.get_token()});
    later.join();
    CHECK(second.decision().kind == Decision::Kind::cancelled);
    CHECK(second.decision().text == "the wait was ended");
    CHECK_FALSE(first->lost());
  }
  SUBCASE("a stop that was requested before ends it at once") {
    std::stop_source stop;
    stop.request_stop();
    const ConditionContext second("job", lock, {.wait = Wait::forever(), .stop = stop.get_token()});
    CHECK(second.decision().kind == Decision::Kind::cancelled);
  }
}

TEST_CASE("what is left of a wait") {
  using Clock = std::chrono::steady_clock;
  CHECK(Wait().left() == 0ms);
  CHECK_FALSE(Wait::forever().left());
  CHECK(Wait(5min).left() == 5min);
  CHECK(Wait(1us).left() == 1ms);
  CHECK(Wait(-5s).left() == 0ms);
  CHECK(Wait(std::chrono::hours::max()).left() == 876600h);
  CHECK(Wait(std::chrono::milliseconds::min()).left() == 0ms);
  CHECK(Wait(Clock::now() - 1h).left() == 0ms);
  CHECK(Wait(Clock::time_point::min()).left() == 0ms);
  CHECK(Wait(Clock::time_point::max()).left() == 876600h);
  const Wait soon(Clock::now() + 500ms);
  CHECK(soon.left() > 0ms);
  std::this_thread::sleep_for(600ms);
  CHECK(soon.left() == 0ms);
}

TEST_CASE("with slots, so many run at once") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  const ContextOptions options{.slots = 2};
  const ConditionContext first("job", lock, options);
  const ConditionContext second("job", lock, options);
  const ConditionContext third("job", lock, options);
  CHECK(first.success());
  CHECK(second.success());
  CHECK(second.fence() > first.fence());
  CHECK(third.decision().kind == Decision::Kind::held);
  CHECK(third.decision().text.starts_with("all 2 slots are held by "));
  CHECK(engine->status("job").live() == 2);
}

TEST_CASE("the lease is renewed for as long as the context lives") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  const ConditionContext context("job", lock, {.lease = 6s});
  const auto lease_end = [&] { return engine->status("job").holders.at(0).until; };
  const auto first = lease_end();
  CHECK(eventually([&] { return lease_end() > first + 6s; }));  // longer than its lease
  CHECK_FALSE(context.lost());
  CHECK(ConditionContext("job", lock).decision().kind == Decision::Kind::held);
}

TEST_CASE("a forced run asks no condition, no predicate and no pause, but needs the lease") {
  const Place place;
  const auto engine = place.connect();
  ConditionalLock lock(*engine);
  lock.add(AccessedPrior{"never", 1s}).add([]() -> bool { throw std::runtime_error("asked"); });
  engine->pause("job", std::nullopt, "maintenance");
  const ConditionContext context("job", lock, {.force = true});
  CHECK(context.success());
  CHECK(ConditionContext("job", lock, {.force = true}).decision().kind == Decision::Kind::held);
}

TEST_CASE("a signal handler of the program never runs on the context's thread") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const ConditionContext context("job", lock);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(sigismember(&before, SIGUSR1) == sigismember(&after, SIGUSR1));
  static std::atomic<std::thread::id> handled_on;
  struct sigaction action {};
  action.sa_handler = [](int) { handled_on = std::this_thread::get_id(); };
  struct sigaction old {};
  sigaction(SIGUSR1, &action, &old);
  kill(getpid(), SIGUSR1);  // to any thread that takes it
  CHECK(eventually([&] { return handled_on.load() != std::thread::id(); }));
  CHECK(handled_on.load() == std::this_thread::get_id());
  sigaction(SIGUSR1, &old, nullptr);
}
