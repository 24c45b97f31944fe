// What an Engine does without a run, and what is refused before anything is sent.
#include <doctest/doctest.h>
#include <unistd.h>

#include "api/place.hpp"

using namespace condolock;
using namespace std::chrono_literals;
using api_test::Place;

namespace {

// The sentence of the error with which `call` fails.
template <class Call>
std::string refused(Call call, Errc code = Errc::invalid) {
  try {
    call();
  } catch (const Exception& exception) {
    CHECK(exception.code() == code);
    CHECK(exception.error().text == exception.what());
    return exception.what();
  }
  return "(nothing was thrown)";
}

}  // namespace

TEST_CASE("status and history tell what happened") {
  const Place place;
  const auto engine = place.connect();
  CHECK_FALSE(engine->status("job").known);
  CHECK(engine->history("job").empty());
  { const ConditionContext context("job", ConditionalLock(*engine)); }
  engine->touch("job", Outcome::failure);
  const JobStatus status = engine->status("job");
  CHECK(status.known);
  CHECK(status.key == "job");
  CHECK(status.runs == 2);
  CHECK(status.failures == 1);
  CHECK(status.failures_in_a_row == 1);
  CHECK(status.last_outcome == "failed");
  REQUIRE(status.last_end.has_value());
  CHECK(status.now - *status.last_end < 10s);
  CHECK(*status.last_success_start <= *status.last_success_end);
  const auto history = engine->history("job");
  REQUIRE(history.size() == 2);
  CHECK(history[0].fence == 0);
  CHECK(history[1].fence == *status.fence);
  CHECK(history[1].outcome == "success");
  CHECK(engine->history("job", 1).size() == 1);
}

TEST_CASE("a live run shows its holder") {
  const Place place;
  const auto engine = place.connect();
  const ConditionContext context("job", ConditionalLock(*engine));
  const JobStatus status = engine->status("job");
  REQUIRE(status.holders.size() == 1);
  CHECK(status.live() == 1);
  CHECK(status.holders[0].fence == context.fence());
  CHECK(status.holders[0].who.starts_with(std::to_string(getpid()) + " "));
  CHECK(status.holders[0].until > status.now);
  CHECK_FALSE(status.holders[0].revoked);
}

TEST_CASE("a pause keeps runs out until it is over") {
  const Place place;
  const auto engine = place.connect();
  engine->pause("job", 1h, "maintenance");
  const ConditionContext context("job", ConditionalLock(*engine));
  CHECK(context.decision().kind == Decision::Kind::paused);
  CHECK(context.decision().text.find(": maintenance") != std::string::npos);
  REQUIRE(engine->status("job").pause.has_value());
  CHECK(engine->status("job").pause->reason == "maintenance");
  CHECK(engine->status("job").pause->left > 50min);
  CHECK(ConditionalLock(*engine).check("job").pause.has_value());
  CHECK(engine->resume("job"));
  CHECK_FALSE(engine->resume("job"));
  CHECK(ConditionContext("job", ConditionalLock(*engine)).success());
}

TEST_CASE("namespaces do not see each other") {
  const Place place;
  const auto engine = place.connect();
  const auto other = place.connect({.ns = "other"});
  const ConditionContext context("job", ConditionalLock(*engine));
  CHECK(ConditionContext("job", ConditionalLock(*other)).success());
}

TEST_CASE("a lock and a context outlive the Engine that they came from") {
  const Place place;
  auto engine = place.connect();
  const ConditionalLock lock(*engine);
  engine.reset();
  const ConditionContext context("job", lock);
  CHECK(context.success());
}

TEST_CASE("wrong arguments are refused in the words of the command line, before anything is sent") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  const auto run = [&](const ContextOptions& options, const std::string& key = "job") {
    return [&, options, key] { const ConditionContext context(key, lock, options); };
  };
  CHECK(refused(run({}, "")) == "a key must not be empty");
  CHECK(refused(run({}, std::string(1025, 'k'))) == "a key must have at most 1024 bytes, not 1025");
  CHECK(refused(run({.lease = 999ms})) == "lease: must be at least 1s");
  CHECK(refused(run({.grace = -1ms})) == "grace: must be at least 0s");
  CHECK(refused(run({.slots = 0})) == "slots: invalid number '0': use 1 to 1000");
  CHECK(refused(run({.slots = 1001})) == "slots: invalid number '1001': use 1 to 1000");
  CHECK(refused(run({.history = -1})) == "history: invalid number '-1': use 0 to 10000");
  CHECK(refused(run({.forget_after = 5ms})) == "forget_after: must be at least 1s");
  CHECK(refused([&] { engine->history("job", 0); }) == "limit: invalid number '0': use 1 to 10000");
  CHECK(refused([&] { engine->pause("job", 0ms); }) == "length: must be at least 1ms");
  CHECK(refused([&] { engine->pause("job", {}, std::string(65, 'r')); }) == "the reason must have at most 64 bytes");
  const auto add = [&](Condition condition) {
    return refused([&] {
      ConditionalLock added(*engine);
      added.add(std::move(condition));
      const ConditionContext context("job", added);
    });
  };
  CHECK(add(MinTime{-1s}) == "--min-time: invalid duration of -1000 ms: use 0 to 100 years");
  CHECK(add(MinTime{std::chrono::milliseconds::max()}).starts_with("--min-time: invalid duration of "));
  CHECK(add(AccessedPrior{"", 1s}) == "--accessed-prior: a key must not be empty");
  CHECK(add(AccessedPrior{"a", 0s}) == "--accessed-prior: invalid duration '0': D must be at least 1ms");
  CHECK(add(After{""}) == "--after: a key must not be empty");
  CHECK(add(NotRunning{""}) == "--not-running: a key must not be empty");
  CHECK(add(RetryAfter{-1ms}) == "--retry-after: invalid duration of -1 ms: use 0 to 100 years");
  CHECK(add(MaxFailures{0}) == "--max-failures: invalid number '0': use 1 to 1000000");
  CHECK(add(MaxRuns{1001, 1s}) == "--max-runs: invalid number '1001': use 1 to 1000");
  CHECK(add(MaxRuns{1, 0s}) == "--max-runs: invalid duration '0': D must be at least 1ms");
  CHECK(add(Once{""}) == "--once: an ID must have 1 to 64 bytes, not 0");
  ConditionalLock once(*engine);
  once.add(Once{"v1"});
  CHECK(refused([&] { const ConditionContext context("job", once, {.slots = 2}); }) ==
        "--once cannot be combined with --slots above 1: two runs could succeed at once");
  CHECK(refused([&] { const ConditionContext context("job", once, {.forget_after = 1h}); }) ==
        "--forget-after 1h would forget what --once looks at; use only one of them");
  ConditionalLock named(*engine);
  named.add([] { return true; }, "");
  CHECK(refused([&] { const ConditionContext context("job", named); }) ==
        "the name of a predicate must have 1 to 40 bytes, not 0");
  ConditionalLock empty(*engine);
  empty.add(std::function<bool()>());
  CHECK(refused([&] { const ConditionContext context("job", empty); }) == "a predicate must not be an empty function");
  CHECK(refused([&] { connect("file:/nowhere", {.timeout = std::chrono::milliseconds::max()}); }) ==
        "timeout: it is longer than 100 years");
  CHECK_FALSE(engine->status("job").known);
}

TEST_CASE("a wrong URL, namespace or timeout is refused by connect, and no message repeats a password") {
  CHECK(refused([] { connect("redis:/typo"); }, Errc::misconfigured).starts_with("invalid URL: "));
  const std::string text = refused([] { connect("redis://:s3cr3t@host:99999"); }, Errc::misconfigured);
  CHECK(text.starts_with("invalid URL: "));
  CHECK(text.find("s3cr3t") == std::string::npos);
  CHECK(refused([] { connect("file:/nowhere", {.ns = "a b"}); }, Errc::misconfigured) ==
        "invalid namespace 'a b': use 1 to 64 characters of A-Z a-z 0-9 _ . -");
  CHECK(refused([] { connect("file:/nowhere", {.timeout = 0ms}); }) == "timeout: must be at least 1ms");
  Error error;
  CHECK(connect("ftp://host", {}, error) == nullptr);
  CHECK(error.code == Errc::misconfigured);
  CHECK(connect("redis://host", {}, error) != nullptr);
  CHECK_FALSE(error);
}

TEST_CASE("each call has a form that throws nothing") {
  const Place place;
  const auto engine = place.connect();
  Error error;
  CHECK_FALSE(engine->status("", error).known);
  CHECK(error.text == "a key must not be empty");
  CHECK(engine->history("", 1, error).empty());
  CHECK(error.code == Errc::invalid);
  engine->touch("", Outcome::success, error);
  CHECK(error.code == Errc::invalid);
  engine->pause("", {}, "", error);
  CHECK(error.code == Errc::invalid);
  CHECK_FALSE(engine->resume("", error));
  CHECK(error.code == Errc::invalid);
  CHECK_FALSE(ConditionalLock(*engine).check("", 1, error).would_run);
  CHECK(error.code == Errc::invalid);
  const ConditionContext context("", ConditionalLock(*engine), {}, error);
  CHECK(error.code == Errc::invalid);
  CHECK_FALSE(context.success());
  engine->touch("job", Outcome::success, error);
  CHECK_FALSE(error);
}
