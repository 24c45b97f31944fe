// The state machine alone: events in, actions out, and a clock that the tests move.
#include "run/run.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>

using namespace condolock;
using Why = run::report::Stopping::Why;

namespace {

engine::Failure no_answer(bool may_have_run = true) {
  return {engine::Fault::unreachable, may_have_run, false, "no answer"};
}

class World {
 public:
  run::Plan plan;
  Instant now{std::chrono::hours(1)};
  std::vector<run::Action> actions;

  World() {
    plan.attempt.job = {"ns", "K"};
    plan.attempt.token = "token";
    plan.attempt.lease = Millis(60'000);
    plan.seed = 7;
  }

  void begin() {
    run_.emplace(plan);
    feed(run::event::Begin{});
  }
  void feed(const run::Event& event) {
    if (std::holds_alternative<run::event::Replied>(event)) calling_.reset();
    actions = run_->on(event, now);
    for (const run::Action& action : actions) {
      if (const auto* eval = std::get_if<run::action::Eval>(&action)) {
        CHECK_FALSE(calling_);  // one call at a time
        calling_ = eval->call;
        sent_ = now;
      }
      if (std::holds_alternative<run::action::Cancel>(action)) calling_.reset();
    }
  }
  // The command ends, and leaves no process.
  void ended(const run::event::ChildExited& exited) {
    feed(exited);
    if (find<run::action::LetGo>() == nullptr) feed(run::event::TreeEmpty{});
  }
  void reply(engine::Values values) { feed(run::event::Replied{{sent_, std::move(values), {}}}); }
  void fail(engine::Failure failure) { feed(run::event::Replied{{sent_, std::move(failure), {}}}); }
  void after(Millis time) { now += time; }

  // Moves the clock to the next tick, and ticks.
  void tick() {
    const auto next = run_->next_tick();
    REQUIRE(next);
    REQUIRE(*next >= now);
    ticks_at_once_ = *next == now ? ticks_at_once_ + 1 : 0;
    REQUIRE(ticks_at_once_ < 100);  // a tick that does not do its work would come again forever
    now = *next;
    feed(run::event::Tick{});
  }
  std::optional<Millis> next_in() const {
    const auto next = run_->next_tick();
    if (!next) return std::nullopt;
    return std::chrono::duration_cast<Millis>(*next - now);
  }
  void start_child() {
    begin();
    reply({"granted", "17", "1000", ""});
    REQUIRE(find<run::action::Spawn>());
    feed(run::event::Spawned{});
  }

  template <class T>
  const T* find() const {
    for (const run::Action& action : actions) {
      if (const auto* found = std::get_if<T>(&action)) return found;
    }
    return nullptr;
  }
  template <class T>
  const T* reported() const {
    for (const run::Action& action : actions) {
      const auto* notify = std::get_if<run::action::Notify>(&action);
      if (notify != nullptr && std::holds_alternative<T>(notify->report)) return &std::get<T>(notify->report);
    }
    return nullptr;
  }
  // The script that the run requests now; "" if none.
  std::string requested() const {
    const auto* eval = find<run::action::Eval>();
    return eval == nullptr ? "" : std::string(eval->call.script->name);
  }
  Millis patience() const { return std::chrono::duration_cast<Millis>(find<run::action::Eval>()->call.deadline - now); }
  int signal() const { return find<run::action::Stop>() == nullptr ? 0 : find<run::action::Stop>()->signal; }
  int exit_code() const {
    REQUIRE(find<run::action::Done>());
    return find<run::action::Done>()->exit_code;
  }
  std::string argument(std::size_t i) const { return find<run::action::Eval>()->call.args[i]; }

 private:
  std::optional<run::Run> run_;
  int ticks_at_once_ = 0;
  std::optional<engine::Call> calling_;
  Instant sent_{};
};

}  // namespace

TEST_CASE_FIXTURE(World, "a run is granted, runs its command and records the end") {
  begin();
  CHECK(requested() == "acquire");
  CHECK(patience() == Millis(5000));
  reply({"granted", "17", "1000", "900"});
  REQUIRE(find<run::action::Spawn>());
  CHECK(find<run::action::Spawn>()->grant.fence == 17);
  CHECK(find<run::action::Spawn>()->grant.last_success == 900);
  feed(run::event::Spawned{});
  after(Millis(50));
  ended(run::event::ChildExited{0});
  CHECK(requested() == "finish");
  CHECK(argument(2) == "17");
  CHECK(argument(3) == "1000");
  CHECK(argument(4) == "success");
  reply({"recorded", "0"});
  CHECK(exit_code() == 0);
}

TEST_CASE_FIXTURE(World, "the command's exit code is condolock's; --success-code adds codes that are recorded as success") {
  plan.success_codes = {3};
  for (const auto& [code, outcome] :
       std::vector<std::pair<int, std::string>>{{1, "failed"}, {3, "success"}, {137, "failed"}, {79, "failed"}}) {
    start_child();
    ended(run::event::ChildExited{code});
    CHECK(argument(4) == outcome);
    CHECK(argument(5) == std::to_string(code));
    reply({"recorded", "0"});
    CHECK(exit_code() == code);
  }
}

TEST_CASE_FIXTURE(World, "a refusal ends with the skip code, and nothing more is sent") {
  plan.skip_code = 9;
  plan.conditions = {lock::MinTime{Millis(5)}};
  begin();
  reply({"skipped", "1", "recent", "3", "2", ""});
  CHECK(exit_code() == 9);
  CHECK(requested().empty());
  begin();
  reply({"held", "1 h", "3", "2", "1", "1"});
  CHECK(exit_code() == 9);
  REQUIRE(reported<run::report::Refused>());
  plan.busy_code = 0;
  begin();
  reply({"held", "1 h", "3", "2", "1", "1"});
  CHECK(exit_code() == 0);
  begin();
  reply({"skipped", "1", "recent", "3", "2", ""});
  CHECK(exit_code() == 9);
}

TEST_CASE_FIXTURE(World, "--jitter: the first acquire waits a random time of the whole range and no more; signals end it") {
  plan.jitter = Millis(10'000);
  Millis min{1'000'000};
  Millis max{-1};
  for (plan.seed = 1; plan.seed < 400; ++plan.seed) {
    begin();
    CHECK(actions.empty());
    min = std::min(min, *next_in());
    max = std::max(max, *next_in());
    tick();
    CHECK(requested() == "acquire");
    reply({"held", "1 h", "3", "2", "1", "1"});
  }
  CHECK(min < Millis(500));
  CHECK(max > Millis(9500));
  CHECK(max <= Millis(10'000));
  begin();
  feed(run::event::Signalled{SIGTERM, false});
  CHECK(exit_code() == 143);
}

TEST_CASE_FIXTURE(World,
                  "--wait: the run sleeps in the engine until the lease or the pause ends, at most 30 s, then asks again") {
  plan.wait = Millis(100'000);
  const auto sleep = [&] { return find<run::action::Eval>()->call.wait.value_or(engine::Wait{"", Millis(-1)}).at_most; };
  begin();
  CHECK(sleep() == Millis(-1));
  CHECK(argument(8) == "1");      // a refusal is counted
  CHECK(argument(9) == "30000");  // patience
  reply({"held", "1 h", "3", "20000", "1", "1"});
  REQUIRE(reported<run::report::Waiting>());
  CHECK(requested() == "acquire");
  CHECK(sleep() == Millis(20'000));
  CHECK(find<run::action::Eval>()->call.wait->key == "{ns}:wake:K");
  CHECK(patience() == Millis(25'000));
  CHECK(argument(8).empty());  // only the first one
  after(Millis(20'000));
  reply({"paused", "", "", "", "", ""});
  CHECK_FALSE(reported<run::report::Waiting>());
  CHECK(sleep() == Millis(30'000));
  after(Millis(30'000));
  reply({"paused", "7", "why", "", "", ""});
  CHECK(sleep() == Millis(10));  // no busy loop
  after(Millis(10));
  reply({"held", "1 h", "3", "59000", "1", "1"});
  after(Millis(30'000));
  reply({"held", "1 h", "3", "59000", "1", "1"});
  CHECK(sleep() == Millis(19'990));  // the rest of the wait
  CHECK(argument(9) == "19990");
  after(Millis(19'990));
  reply({"held", "1 h", "3", "59000", "1", "1"});
  CHECK(reported<run::report::Refused>());
  CHECK(requested().empty());
  CHECK(exit_code() == 75);
}

TEST_CASE_FIXTURE(World, "--wait: a run does not wait for a lease that an ancestor holds") {
  plan.ancestors = [](const std::string& who, const std::string& key) {
    return who != "1 h" ? 0 : key == "K" ? 1 : key == "other" ? 2 : 0;
  };
  plan.busy_code = 3;
  SUBCASE("the first refusal names the ancestor") {
    plan.wait.reset();
    begin();
    reply({"held", "1 h", "3", "2000", "1", "1"});
    REQUIRE(reported<run::report::Refused>());
    CHECK(reported<run::report::Refused>()->by_ancestor);
    CHECK(exit_code() == 3);
  }
  SUBCASE("a later refusal names the ancestor") {
    plan.wait = Millis(60'000);
    begin();
    reply({"held", "2 h", "3", "2000", "1", "1"});
    CHECK(requested() == "acquire");
    reply({"held", "1 h", "3", "2000", "1", "1"});
    CHECK(reported<run::report::Refused>()->by_ancestor);
    CHECK(exit_code() == 3);
  }
  SUBCASE("one of several slots may become free") {
    plan.attempt.slots = 2;
    plan.wait.reset();
    begin();
    reply({"held", "1 h", "3", "2000", "2", "2"});
    CHECK(requested() == "acquire");
  }
  SUBCASE("ancestors hold all slots") {
    plan.attempt.job.key = "other";
    plan.attempt.slots = 2;
    plan.wait.reset();
    begin();
    reply({"held", "1 h", "3", "2000", "2", "2"});
    CHECK(reported<run::report::Refused>()->by_ancestor);
    CHECK(exit_code() == 3);
  }
  SUBCASE("an ancestor is the run of another job that must end first") {
    plan.conditions = {lock::MinTime{Millis(1)}, lock::NotRunning{"other"}};
    plan.wait.reset();
    begin();
    reply({"skipped", "2", "running", "3", "", "1 h"});
    CHECK(reported<run::report::Refused>()->by_ancestor);
    CHECK(exit_code() == 75);
  }
  SUBCASE("the run of another job that must end first is not an ancestor") {
    plan.conditions = {lock::NotRunning{"other"}};
    plan.wait.reset();
    begin();
    reply({"skipped", "1", "running", "3", "", "2 h"});
    CHECK(requested().empty());
    CHECK(next_in());
  }
  SUBCASE("without a wait it is a refusal like any other") {
    plan.wait = Millis(0);
    begin();
    reply({"held", "1 h", "3", "2000", "1", "1"});
    CHECK_FALSE(reported<run::report::Refused>()->by_ancestor);
  }
}

TEST_CASE_FIXTURE(World, "--wait: a waiter that gives up during a pause asks once more, to pass on a wake-up") {
  plan.wait = Millis(5000);
  plan.on_unreachable = run::OnUnreachable::run;
  begin();
  reply({"paused", "60000", "why", "", "", ""});
  CHECK(argument(9) == "5000");
  after(Millis(5000));
  reply({"paused", "55000", "why", "", "", ""});
  CHECK_FALSE(reported<run::report::Refused>());
  CHECK(requested() == "acquire");
  CHECK_FALSE(find<run::action::Eval>()->call.wait);
  CHECK(argument(8).empty());
  CHECK(argument(9).empty());
  SUBCASE("still paused") {
    reply({"paused", "54990", "why", "", "", ""});
    CHECK(reported<run::report::Refused>());
    CHECK(exit_code() == 75);
  }
  SUBCASE("the pause has just ended") {
    reply({"granted", "17", "1000", "900"});
    CHECK(find<run::action::Spawn>());
  }
  SUBCASE("no answer: the run is skipped, whatever --on-unreachable says") {
    fail(engine::Failure{engine::Fault::unreachable, true, false, "gone"});
    CHECK(reported<run::report::Refused>());
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 75);
  }
  SUBCASE("TERM") {
    feed(run::event::Signalled{SIGTERM, false});
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 143);
  }
}

TEST_CASE_FIXTURE(World, "--wait: a run that was not asleep yet gives up at once during a pause") {
  plan.wait = Millis(1000);
  begin();
  after(Millis(1000));
  reply({"paused", "60000", "why", "", "", ""});
  CHECK(exit_code() == 75);
}

TEST_CASE_FIXTURE(World, "--wait: the run itself sleeps until a condition may hold, or about a second if that is unknown") {
  plan.wait.reset();  // forever
  plan.conditions = {lock::MinTime{Millis(5)}, lock::After{"other"}};
  begin();
  reply({"skipped", "1", "recent", "3", "12000", ""});
  CHECK(requested().empty());
  CHECK(*next_in() == Millis(12'000));
  tick();
  CHECK(requested() == "acquire");
  CHECK_FALSE(find<run::action::Eval>()->call.wait);
  CHECK(patience() == Millis(5000));
  reply({"skipped", "1", "recent", "3", "900000", ""});
  CHECK(*next_in() == Millis(30'000));
  tick();
  reply({"skipped", "2", "never", "", "", ""});
  CHECK(*next_in() >= Millis(900));
  CHECK(*next_in() <= Millis(1100));
  tick();
  reply({"skipped", "1", "recent", "3", "0", ""});
  CHECK(*next_in() == Millis(10));
  tick();
  reply({"granted", "17", "1000", ""});
  CHECK(find<run::action::Spawn>());
}

TEST_CASE_FIXTURE(World, "--wait: a grant after a long sleep is renewed first, since its age is unknown") {
  plan.wait.reset();
  begin();
  reply({"held", "1 h", "3", "20000", "1", "1"});
  after(Millis(20'000));
  reply({"granted", "17", "1000", ""});
  CHECK_FALSE(find<run::action::Spawn>());
  CHECK(requested() == "renew");
  reply({"renewed"});
  CHECK(find<run::action::Spawn>());
}

namespace {

// Failures that may change while a run waits, and final ones.
const std::vector<engine::Fault> passing{engine::Fault::unreachable, engine::Fault::not_ready, engine::Fault::not_primary};
const std::vector<engine::Fault> lasting{engine::Fault::local,     engine::Fault::write_refused,
                                         engine::Fault::denied,    engine::Fault::misconfigured,
                                         engine::Fault::malformed, engine::Fault::unexpected};

}  // namespace

TEST_CASE("--wait: an acquire without an answer is sent again after 0.1 s, growing to 5 s, until the wait is over") {
  for (const engine::Fault fault : passing) {
    for (const bool refused_before : {false, true}) {
      World world;
      world.plan.wait = Millis(600'000);
      world.plan.on_unreachable = run::OnUnreachable::skip;
      world.begin();
      const Instant end = world.now + Millis(600'000);
      if (refused_before) world.reply({"held", "1 h", "3", "20000", "1", "1"});
      int attempts = 1;
      Millis max_pause{100};
      // The end of a sleep may be that of an idle connection, and is not told.
      const int told_at = refused_before && fault == engine::Fault::unreachable ? 2 : 1;
      for (;;) {
        world.fail({fault, true, false, "gone"});
        CHECK((world.reported<run::report::AskingAgain>() != nullptr) == (attempts == told_at));
        if (attempts == told_at) {
          CHECK(world.reported<run::report::AskingAgain>()->left == end - world.now);
          CHECK(world.reported<run::report::AskingAgain>()->first);
        }
        if (!world.next_in()) break;
        if (world.now + *world.next_in() < end) CHECK(*world.next_in() >= max_pause / 2);
        CHECK(*world.next_in() <= max_pause);
        CHECK(world.now + *world.next_in() <= end);
        if (attempts >= told_at) max_pause = std::min(2 * max_pause, Millis(5000));
        world.tick();
        ++attempts;
        REQUIRE(world.requested() == "acquire");
        CHECK_FALSE(world.find<run::action::Eval>()->call.wait);
        CHECK(world.find<run::action::Eval>()->call.not_ready_is_final);
        CHECK(world.argument(1) == "token");
      }
      CHECK(world.now == end);  // the last attempt
      CHECK(attempts > 100);
      CHECK(attempts < 300);
      CHECK((world.reported<run::report::SkippedUnreachable>() != nullptr) == (fault == engine::Fault::unreachable));
      CHECK(world.requested() == "abandon");
      world.reply({"abandoned"});
      CHECK(world.exit_code() == (fault == engine::Fault::unreachable ? 75 : 69));
    }
  }
}

TEST_CASE_FIXTURE(World, "--wait forever: after a server comes back, the wait goes on as before") {
  plan.wait.reset();
  begin();
  for (int outage = 0; outage < 3; ++outage) {
    for (int i = 0; i < 1000; ++i) {
      fail(no_answer());
      const int told_at = outage == 0 ? 0 : 1;  // the later outages end a sleep
      CHECK((reported<run::report::AskingAgain>() != nullptr) == (i == told_at));
      if (i == told_at) CHECK_FALSE(reported<run::report::AskingAgain>()->left);
      if (i == told_at) CHECK(reported<run::report::AskingAgain>()->first == (outage == 0));
      tick();
      REQUIRE(requested() == "acquire");
    }
    reply({"held", "1 h", "3", "20000", "1", "1"});
    REQUIRE(find<run::action::Eval>());
    CHECK(find<run::action::Eval>()->call.wait);
    after(Millis(20'000));
  }
  fail(no_answer());
  tick();
  reply({"granted", "17", "1000", ""});
  CHECK(find<run::action::Spawn>());
}

TEST_CASE("--wait: a failure that cannot change by itself ends the wait at once") {
  for (const engine::Fault fault : lasting) {
    World world;
    world.plan.wait.reset();
    world.begin();
    world.fail({fault, false, false, "x"});
    CHECK(world.reported<run::report::NoGrant>());
    CHECK_FALSE(world.reported<run::report::AskingAgain>());
    CHECK(world.find<run::action::Done>());
  }
}

TEST_CASE_FIXTURE(World, "--wait: a short wait allows two attempts, or --redis-timeout if the server is not ready") {
  plan.wait = Millis(50);
  begin();
  after(Millis(5000));
  SUBCASE("no answer") {
    fail(no_answer());
    tick();
    REQUIRE(requested() == "acquire");
    after(Millis(5000));
    fail(no_answer());
  }
  SUBCASE("not ready") {
    now -= Millis(4000);
    const Instant asked = now - Millis(1000);
    for (;;) {
      fail({engine::Fault::not_ready, false, false, "LOADING"});
      if (!next_in()) break;
      tick();
    }
    CHECK(now >= asked + Millis(5000));
    CHECK(now <= asked + Millis(9000));
  }
  CHECK(reported<run::report::NoGrant>());
}

TEST_CASE_FIXTURE(World, "without --wait: two attempts, and the engine asks again if the server is not ready") {
  begin();
  CHECK_FALSE(find<run::action::Eval>()->call.not_ready_is_final);
  fail(no_answer());
  CHECK_FALSE(reported<run::report::AskingAgain>());
  tick();
  CHECK_FALSE(find<run::action::Eval>()->call.not_ready_is_final);
  fail(no_answer());
  CHECK(reported<run::report::NoGrant>());
}

TEST_CASE_FIXTURE(World, "--wait: a signal between two attempts ends the wait at once") {
  plan.wait.reset();
  begin();
  bool may_hold = false;
  SUBCASE("nothing was sent") {}
  SUBCASE("an attempt may have been granted") { may_hold = true; }
  for (int i = 0; i < 10; ++i) {
    fail(no_answer(may_hold));
    tick();
  }
  fail(no_answer(may_hold));
  feed(run::event::Signalled{SIGTERM, false});
  CHECK((requested() == "abandon") == may_hold);
  if (may_hold) fail(no_answer());
  CHECK(exit_code() == 143);
}

TEST_CASE("--wait: when the server is back, many waiters ask at different times") {
  std::vector<Instant> asked;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    World world;
    world.plan.wait.reset();
    world.plan.seed = seed * 1000;
    world.begin();
    const Instant back = world.now + Millis(30'000);
    while (world.now < back) {
      world.fail(no_answer(false));
      world.tick();
    }
    asked.push_back(world.now);
  }
  std::sort(asked.begin(), asked.end());
  CHECK(asked.back() - asked.front() > Millis(2000));
  for (std::size_t i = 10; i < asked.size(); ++i) CHECK(asked[i] - asked[i - 10] > Millis(100));
}

namespace {

// How many requests a waiter sends in a minute if each sleep ends at once with this refusal.
int requests_in_a_minute(World& world, const engine::Values& refusal) {
  const Instant end = world.now + Millis(60'000);
  int requests = 1;
  while (world.now < end) {
    world.reply(refusal);
    if (world.requested() != "acquire") world.tick();
    REQUIRE(world.requested() == "acquire");
    ++requests;
  }
  return requests;
}

}  // namespace

TEST_CASE_FIXTURE(World, "--wait: after sleeps in vain, the pauses grow to a second") {
  plan.wait.reset();
  plan.conditions = {lock::MinTime{Millis(5)}};
  begin();
  engine::Values refusal;
  SUBCASE("held, and woken at once") { refusal = {"held", "1 h", "3", "20000", "1", "1"}; }
  SUBCASE("held, and the lease is about to end") { refusal = {"held", "1 h", "3", "1", "1", "1"}; }
  SUBCASE("held, and the lease has ended") { refusal = {"held", "1 h", "3", "0", "1", "1"}; }
  SUBCASE("paused, and the pause is about to end") { refusal = {"paused", "1", "", "", "", ""}; }
  SUBCASE("paused, and woken at once") { refusal = {"paused", "", "", "", "", ""}; }
  SUBCASE("a condition is about to hold") { refusal = {"skipped", "1", "recent", "3", "1", ""}; }
  SUBCASE("a condition should hold") { refusal = {"skipped", "1", "recent", "3", "0", ""}; }
  CHECK(requests_in_a_minute(*this, refusal) < 150);
  // The number stays small if the server also closes the connection.
  for (int i = 0; i < 10; ++i) {
    fail(no_answer());
    tick();
    reply(refusal);
    CHECK(*next_in() >= Millis(500));
    tick();
  }
}

TEST_CASE_FIXTURE(World, "--wait: the first wake-up in vain causes no pause, and a long sleep resets the count") {
  plan.wait.reset();
  begin();
  const auto held = [&] { reply({"held", "1 h", "3", "20000", "1", "1"}); };
  for (int i = 0; i < 3; ++i) {
    held();
    CHECK(requested() == "acquire");  // it sleeps again at once
    held();
    CHECK(requested() == "acquire");
    held();
    CHECK(requested().empty());
    CHECK(*next_in() <= Millis(20));
    tick();
    REQUIRE(requested() == "acquire");
    CHECK(find<run::action::Eval>()->call.wait->at_most <= Millis(20'000));
    CHECK(find<run::action::Eval>()->call.wait->at_most >= Millis(19'980));
    after(Millis(500));
  }
  held();
  CHECK(requested() == "acquire");
}

TEST_CASE_FIXTURE(World, "--wait: the pause after sleeps in vain ends with the wait") {
  plan.wait = Millis(10'000);
  begin();
  const Instant end = now + Millis(10'000);
  for (;;) {
    reply({"held", "1 h", "3", "20000", "1", "1"});
    if (find<run::action::Done>()) break;
    if (requested().empty()) tick();
    CHECK(now <= end);
  }
  CHECK(reported<run::report::Refused>());
  CHECK(now == end);
}

TEST_CASE_FIXTURE(World,
                  "--wait: if the free slot needs another --slots, the run asks every second, and consumes no wake-up") {
  plan.wait.reset();
  plan.attempt.slots = 5;
  begin();
  reply({"held", "1 h", "3", "20000", "2", "3"});
  CHECK(requested().empty());
  CHECK(*next_in() >= Millis(900));
  CHECK(*next_in() <= Millis(1100));
  tick();
  CHECK_FALSE(find<run::action::Eval>()->call.wait);
}

TEST_CASE_FIXTURE(World, "--wait: a success with the same --once ID ends the wait") {
  plan.wait.reset();
  plan.conditions = {lock::Once{"x"}};
  begin();
  reply({"skipped", "1", "done", "3", "", ""});
  CHECK(reported<run::report::Refused>());
  CHECK(exit_code() == 75);
}

TEST_CASE_FIXTURE(World, "--wait: a signal ends the wait, and releases a lease that may have been granted") {
  plan.wait.reset();
  plan.conditions = {lock::MinTime{Millis(5)}};
  begin();
  SUBCASE("the run sleeps in the engine") {
    reply({"held", "1 h", "3", "20000", "1", "1"});
    feed(run::event::Signalled{SIGTERM, false});
    CHECK(find<run::action::Cancel>());
    CHECK(requested() == "abandon");
    CHECK(patience() == Millis(1000));
    reply({"abandoned"});
  }
  SUBCASE("the run itself sleeps") {
    reply({"skipped", "1", "recent", "3", "12000", ""});
    feed(run::event::Signalled{SIGTERM, false});
  }
  CHECK(exit_code() == 143);
}

TEST_CASE_FIXTURE(World, "--wait 0 asks once; the wait begins after the jitter") {
  plan.wait = Millis(1000);
  plan.jitter = Millis(50'000);
  begin();
  tick();
  reply({"held", "1 h", "3", "20000", "1", "1"});
  CHECK(requested() == "acquire");
  CHECK(find<run::action::Eval>()->call.wait->at_most == Millis(1000));
}

TEST_CASE_FIXTURE(World, "no answer to acquire: one retry with the same token, then 69, and the lease is released") {
  begin();
  fail(no_answer());
  CHECK(requested().empty());
  CHECK(*next_in() <= Millis(100));
  tick();
  CHECK(requested() == "acquire");
  CHECK(argument(1) == "token");
  fail(no_answer());
  REQUIRE(reported<run::report::NoGrant>());
  CHECK(requested() == "abandon");
  fail(no_answer());
  CHECK(exit_code() == 69);
}

TEST_CASE_FIXTURE(World, "--on-unreachable skip: the run is skipped if no answer came") {
  plan.on_unreachable = run::OnUnreachable::skip;
  plan.skip_code = 9;
  begin();
  fail(no_answer());
  tick();
  fail(no_answer());
  CHECK(reported<run::report::SkippedUnreachable>());
  CHECK(requested() == "abandon");
  fail(no_answer());
  CHECK(exit_code() == 9);
}

TEST_CASE("--on-unreachable run: no lease, one attempt to record, and always the command's exit code") {
  for (const bool sent : {false, true}) {
    for (const bool recorded : {false, true}) {
      World world;
      world.plan.on_unreachable = run::OnUnreachable::run;
      world.plan.timeout = Millis(500'000);
      world.begin();
      world.fail(no_answer(sent));
      world.tick();
      world.fail(no_answer(false));
      CHECK(world.reported<run::report::Unleased>());
      REQUIRE(world.find<run::action::Spawn>());
      CHECK(world.find<run::action::Spawn>()->grant.fence == 0);
      world.feed(run::event::Spawned{});
      CHECK(*world.next_in() == Millis(500'000));  // there is no lease to renew
      world.after(Millis(400'000));
      world.feed(run::event::Tick{});
      CHECK(world.actions.empty());
      world.ended(run::event::ChildExited{0});
      if (sent) {
        CHECK(world.requested() == "abandon");
        world.reply({"abandoned"});
      }
      CHECK(world.requested() == "touch");
      CHECK(world.argument(1) != "token");
      if (recorded) {
        world.reply({"recorded", "0"});
        CHECK_FALSE(world.reported<run::report::NotRecorded>());
      } else {
        world.fail(no_answer());
        CHECK_FALSE(world.reported<run::report::NotRecorded>()->success);
      }
      CHECK(world.exit_code() == 0);
    }
  }
}

TEST_CASE_FIXTURE(World, "--on-unreachable applies only if no answer came") {
  for (const auto policy : {run::OnUnreachable::run, run::OnUnreachable::skip}) {
    plan.on_unreachable = policy;
    for (const engine::Fault fault : {engine::Fault::write_refused, engine::Fault::denied, engine::Fault::not_primary,
                                      engine::Fault::malformed, engine::Fault::unexpected}) {
      begin();
      fail({fault, false, false, "x"});
      if (fault == engine::Fault::not_primary) {
        tick();
        fail({fault, false, false, "x"});
      }
      CHECK(exit_code() != 75);
      CHECK_FALSE(find<run::action::Spawn>());
    }
  }
}

TEST_CASE_FIXTURE(World, "no abandon is sent if no acquire can have run") {
  begin();
  fail(no_answer(false));
  tick();
  fail(no_answer(false));
  CHECK(exit_code() == 69);
}

TEST_CASE_FIXTURE(World, "a refusal of a retry is followed by abandon, since the first acquire may still be granted") {
  begin();
  fail(no_answer());
  tick();
  reply({"held", "1 h", "3", "2", "1", "1"});
  CHECK(requested() == "abandon");
  reply({"abandoned"});
  CHECK(exit_code() == 75);
}

TEST_CASE_FIXTURE(World, "a final fault gets no second attempt") {
  const std::vector<std::pair<engine::Fault, int>> faults{{engine::Fault::write_refused, 69},
                                                          {engine::Fault::denied, 77},
                                                          {engine::Fault::misconfigured, 78},
                                                          {engine::Fault::malformed, 65},
                                                          {engine::Fault::unexpected, 76}};
  for (const auto& [fault, code] : faults) {
    begin();
    fail({fault, false, false, "x"});
    CHECK(exit_code() == code);
  }
  begin();
  reply({"malformed", "k", "why"});
  CHECK(exit_code() == 65);
  begin();
  reply({"newer", "k", "2"});
  CHECK(exit_code() == 65);
}

TEST_CASE_FIXTURE(World, "a voided grant is abandoned in its own session") {
  begin();
  fail({engine::Fault::misconfigured, true, true, "no such database"});
  CHECK(requested() == "abandon");
  CHECK(find<run::action::Eval>()->call.same_session);
  reply({"abandoned"});
  CHECK(exit_code() == 78);
}

TEST_CASE_FIXTURE(World, "an unexpected answer is 76, and never a grant") {
  for (const engine::Values& values : std::vector<engine::Values>{{"granted"},
                                                                  {"granted", "x", "1", ""},
                                                                  {"granted", "1", "1", "", "more"},
                                                                  {"yes"},
                                                                  {"retired", "recorded"},
                                                                  {"skipped", "0", "recent", "", ""},
                                                                  {"skipped", "1", "recent", "", "", ""},
                                                                  {"held", "h", "", "", "1", "1"},
                                                                  {""}}) {
    begin();
    reply(values);
    CHECK_FALSE(find<run::action::Spawn>());
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 76);
  }
}

TEST_CASE_FIXTURE(World, "a grant that arrives late is renewed before the command is started") {
  plan.redis_timeout = Millis(30'000);
  begin();
  after(Millis(15'001));
  reply({"granted", "17", "1000", ""});
  CHECK_FALSE(find<run::action::Spawn>());
  CHECK(requested() == "renew");
  SUBCASE("in time") {
    reply({"renewed"});
    CHECK(find<run::action::Spawn>());
  }
  SUBCASE("late again") {
    after(Millis(15'001));
    reply({"renewed"});
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 69);
  }
  SUBCASE("lost") {
    reply({"lost", "18"});
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 69);
  }
  SUBCASE("a signal") {
    feed(run::event::Signalled{SIGTERM, false});
    CHECK(requested() == "abandon");
    reply({"abandoned"});
    CHECK(exit_code() == 143);
  }
}

TEST_CASE_FIXTURE(World, "the exec fails: the lease is released, and nothing is recorded") {
  begin();
  reply({"granted", "17", "1000", ""});
  feed(run::event::SpawnFailed{127, "not found"});
  CHECK(requested() == "abandon");
  reply({"abandoned"});
  CHECK(exit_code() == 127);
}

TEST_CASE_FIXTURE(World, "the lease is renewed every sixth of it, counted from before the send") {
  start_child();
  for (int i = 0; i < 100; ++i) {
    CHECK(*next_in() == Millis(10'000));
    tick();
    CHECK(requested() == "renew");
    CHECK(patience() == Millis(5000));
    reply({"renewed"});
    CHECK(actions.size() == 2);  // the report, and the new deadlines
    REQUIRE(reported<run::report::Renewed>());
    CHECK_FALSE(reported<run::report::Renewed>()->after_failure);
  }
}

TEST_CASE_FIXTURE(World, "the lease counts from before the send, not from the answer") {
  begin();
  after(Millis(4000));
  reply({"granted", "17", "1000", ""});
  feed(run::event::Spawned{});
  CHECK(*next_in() == Millis(6000));
  tick();
  after(Millis(3000));
  reply({"renewed"});
  CHECK(*next_in() == Millis(7000));
}

TEST_CASE_FIXTURE(World, "renewals fail for a while: reported once, retried, and nothing is stopped") {
  start_child();
  tick();
  fail(no_answer());
  REQUIRE(reported<run::report::RenewalFailed>());
  CHECK(reported<run::report::RenewalFailed>()->left == Millis(37'400));
  for (int i = 0; i < 5; ++i) {
    CHECK(*next_in() <= Millis(1000));
    tick();
    after(Millis(5000));
    fail(no_answer());
    CHECK(actions.empty());
  }
  tick();
  reply({"renewed"});
  REQUIRE(reported<run::report::Renewed>());
  CHECK(reported<run::report::Renewed>()->after_failure);
  CHECK(*next_in() == Millis(10'000));
}

TEST_CASE_FIXTURE(World, "renewals fail for good: TERM and KILL in time, 79, recorded as lost") {
  const Instant granted = now;
  start_child();
  int last_signal = 0;
  Millis term{};
  while (last_signal != SIGKILL) {
    tick();
    if (requested() == "renew") fail(no_answer());
    for (const run::Action& action : actions) {
      if (const auto* stop = std::get_if<run::action::Stop>(&action)) {
        last_signal = stop->signal;
        if (last_signal == SIGTERM) term = std::chrono::duration_cast<Millis>(now - granted);
      }
    }
  }
  CHECK(term == Millis(47'400));
  CHECK(now - granted == Millis(57'400));
  ended(run::event::ChildExited{137});
  CHECK(argument(4) == "lost");
  reply({"recorded", "0"});
  CHECK(exit_code() == 79);
}

TEST_CASE_FIXTURE(World, "a renewal in progress does not delay the deadline") {
  start_child();
  after(Millis(10'000));
  feed(run::event::Tick{});
  CHECK(requested() == "renew");
  tick();  // no answer came
  CHECK(signal() == SIGTERM);
  CHECK(reported<run::report::Stopping>()->why == Why::not_renewed);
  tick();
  CHECK(signal() == SIGKILL);
  CHECK_FALSE(next_in());
}

TEST_CASE_FIXTURE(World, "lease lost: TERM at once, KILL after the grace, no more renewals, exit code 79") {
  plan.kill_after = Millis(4000);
  start_child();
  tick();
  reply({"lost", "18"});
  CHECK(signal() == SIGTERM);
  CHECK(reported<run::report::Stopping>()->why == Why::lost);
  CHECK(*next_in() == Millis(4000));
  tick();
  CHECK(signal() == SIGKILL);
  ended(run::event::ChildExited{0});
  CHECK(argument(4) == "lost");
  reply({"superseded"});
  CHECK(exit_code() == 79);
}

TEST_CASE_FIXTURE(World, "reasserted: reported, and the run goes on") {
  start_child();
  tick();
  reply({"reasserted"});
  CHECK(reported<run::report::Reasserted>());
  CHECK(*next_in() == Millis(10'000));
}

TEST_CASE_FIXTURE(World, "--timeout: TERM, then KILL, 124 whatever the command returned") {
  plan.timeout = Millis(3000);
  start_child();
  CHECK(*next_in() == Millis(3000));
  tick();
  CHECK(signal() == SIGTERM);
  CHECK(reported<run::report::Stopping>()->why == Why::timeout);
  SUBCASE("it ends after TERM") {
    ended(run::event::ChildExited{0});
    CHECK(argument(4) == "timeout");
    reply({"recorded", "0"});
    CHECK(exit_code() == 124);
  }
  SUBCASE("it must be killed, and the lease is renewed until then") {
    CHECK(*next_in() == Millis(7000));
    tick();
    CHECK(requested() == "renew");
    reply({"renewed"});
    tick();
    CHECK(signal() == SIGKILL);
    ended(run::event::ChildExited{137});
    reply({"recorded", "0"});
    CHECK(exit_code() == 124);
  }
  SUBCASE("the lease is lost meanwhile, which overrides the timeout") {
    tick();
    reply({"lost", "18"});
    CHECK(reported<run::report::Stopping>()->why == Why::lost);
    CHECK(*next_in() == Millis(3000));  // the KILL of --timeout came before the end of the lease's grace
    ended(run::event::ChildExited{143});
    reply({"superseded"});
    CHECK(exit_code() == 79);
  }
}

TEST_CASE_FIXTURE(World, "the command ends during a renewal") {
  start_child();
  tick();
  CHECK(requested() == "renew");
  ended(run::event::ChildExited{0});
  CHECK(find<run::action::Cancel>());
  CHECK(requested() == "finish");
}

TEST_CASE_FIXTURE(World, "recording is retried until --record-timeout, then 74") {
  plan.record_timeout = Millis(20'000);
  start_child();
  ended(run::event::ChildExited{0});
  const Instant ended = now;
  int attempts = 1;
  while (!find<run::action::Done>()) {
    after(patience());
    fail(no_answer());
    if (find<run::action::Done>()) break;
    CHECK(*next_in() <= Millis(1000));
    tick();
    REQUIRE(requested() == "finish");
    ++attempts;
  }
  CHECK(attempts >= 4);
  CHECK(now - ended <= Millis(20'000));
  CHECK(reported<run::report::NotRecorded>()->success);
  CHECK(exit_code() == 74);
}

TEST_CASE_FIXTURE(
    World, "recording: the message names what failed before a last attempt with little time, unless that is refused") {
  plan.record_timeout = Millis(7000);
  start_child();
  ended(run::event::ChildExited{0});
  after(Millis(5000));
  fail({engine::Fault::not_ready, false, false, "its last reply: LOADING"});
  tick();
  REQUIRE(requested() == "finish");
  REQUIRE(patience() < Millis(5000));
  after(patience());
  SUBCASE("no answer") {
    fail(no_answer());
    CHECK(reported<run::report::NotRecorded>()->failure.text == "its last reply: LOADING");
  }
  SUBCASE("a refusal") {
    fail({engine::Fault::denied, false, false, "NOPERM"});
    CHECK(reported<run::report::NotRecorded>()->failure.text == "NOPERM");
  }
}

TEST_CASE_FIXTURE(World,
                  "an attempt to record has all of --redis-timeout, even with a short lease; a retry sends the source") {
  plan.attempt.lease = Millis(1000);
  start_child();
  ended(run::event::ChildExited{0});
  REQUIRE(requested() == "finish");
  CHECK(patience() == Millis(5000));
  CHECK_FALSE(find<run::action::Eval>()->call.as_source);
  after(Millis(100));
  fail(no_answer());
  tick();
  REQUIRE(requested() == "finish");
  CHECK(patience() == Millis(5000));
  CHECK(find<run::action::Eval>()->call.as_source);
  reply({"recorded", "0"});
  CHECK(exit_code() == 0);
}

TEST_CASE_FIXTURE(World, "abandon is sent as the source, since condolock may end before a NOSCRIPT") {
  begin();
  fail(no_answer());
  tick();
  fail(no_answer());
  REQUIRE(requested() == "abandon");
  CHECK(find<run::action::Eval>()->call.as_source);
}

TEST_CASE("--on-unreachable does not apply to a server that is not ready, or to a failure on this machine") {
  for (const auto fault : {engine::Fault::not_ready, engine::Fault::local}) {
    for (const auto policy : {run::OnUnreachable::run, run::OnUnreachable::skip}) {
      World world;
      world.plan.on_unreachable = policy;
      world.begin();
      world.fail(engine::Failure{fault, false, false, "why"});
      CHECK_FALSE(world.find<run::action::Spawn>());
      CHECK_FALSE(world.next_in());  // the engine has already asked again
      REQUIRE(world.reported<run::report::NoGrant>());
      CHECK(world.exit_code() == 69);
    }
  }
}

TEST_CASE_FIXTURE(World, "a failure that cannot be recorded keeps the command's exit code") {
  plan.record_timeout = Millis(0);
  start_child();
  ended(run::event::ChildExited{5});
  CHECK(patience() == Millis(5000));  // at least one whole attempt
  after(Millis(5000));
  fail(no_answer());
  CHECK_FALSE(reported<run::report::NotRecorded>()->success);
  CHECK(exit_code() == 5);
}

TEST_CASE_FIXTURE(World, "recording: an unexpected answer is retried until --record-timeout") {
  plan.record_timeout = Millis(20'000);
  start_child();
  ended(run::event::ChildExited{0});
  const Instant ended = now;
  SUBCASE("a later attempt succeeds") {
    fail({engine::Fault::unexpected, true, false, "x"});
    tick();
    CHECK(requested() == "finish");
    reply({"yes"});  // an array, but not a reply of finish
    tick();
    CHECK(requested() == "finish");
    reply({"recorded", "0"});
    CHECK_FALSE(reported<run::report::NotRecorded>());
    CHECK(exit_code() == 0);
  }
  SUBCASE("no attempt succeeds") {
    for (;;) {
      fail({engine::Fault::unexpected, true, false, "x"});
      if (find<run::action::Done>()) break;
      tick();
      REQUIRE(requested() == "finish");
    }
    CHECK(now - ended > Millis(18'000));
    CHECK(now - ended <= Millis(20'000));
    CHECK(exit_code() == 74);
  }
}

TEST_CASE_FIXTURE(World, "recording: a failure that cannot change by itself is not retried") {
  for (const engine::Fault fault : {engine::Fault::denied, engine::Fault::misconfigured, engine::Fault::malformed}) {
    start_child();
    ended(run::event::ChildExited{0});
    fail({fault, false, false, "x"});
    REQUIRE(reported<run::report::NotRecorded>());
    CHECK(reported<run::report::NotRecorded>()->success);
    CHECK(exit_code() == 74);
  }
}

TEST_CASE_FIXTURE(World, "recording: a refusal of writes is retried, a denial is not") {
  start_child();
  ended(run::event::ChildExited{0});
  fail({engine::Fault::write_refused, false, false, "OOM"});
  tick();
  CHECK(requested() == "finish");
  fail({engine::Fault::denied, false, false, "NOPERM"});
  CHECK(exit_code() == 74);
}

TEST_CASE_FIXTURE(World, "superseded: a success becomes 74, a failure keeps its code") {
  start_child();
  ended(run::event::ChildExited{0});
  reply({"superseded"});
  CHECK(exit_code() == 74);
  start_child();
  ended(run::event::ChildExited{6});
  reply({"superseded"});
  CHECK(exit_code() == 6);
}

TEST_CASE_FIXTURE(World, "a signal before the command ends the run at once and retires the token") {
  begin();
  feed(run::event::Signalled{SIGWINCH, false});
  feed(run::event::Signalled{SIGCONT, false});
  CHECK(actions.empty());
  feed(run::event::Signalled{SIGTERM, false});
  CHECK(find<run::action::Cancel>());
  CHECK(requested() == "abandon");
  CHECK(patience() == Millis(1000));
  SUBCASE("the lease is released") { reply({"abandoned"}); }
  SUBCASE("no answer") { fail(no_answer()); }
  SUBCASE("a second signal") { feed(run::event::Signalled{SIGINT, false}); }
  CHECK(exit_code() == 143);
}

TEST_CASE_FIXTURE(World, "a signal between two attempts ends the run") {
  begin();
  fail(no_answer(false));
  feed(run::event::Signalled{SIGINT, false});
  CHECK(exit_code() == 130);
}

TEST_CASE_FIXTURE(World, "a signal while the command is being started calls the run off") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    begin();
    reply({"granted", "17", "1000", ""});
    REQUIRE(find<run::action::Spawn>());
    CHECK_FALSE(next_in());
    feed(run::event::Signalled{number, false});
    CHECK(requested() == "abandon");
    CHECK(patience() == Millis(1000));
    reply({"abandoned"});
    CHECK(exit_code() == 128 + number);
  }
}

TEST_CASE_FIXTURE(World, "a signal that does not end a process does not call the start off") {
  begin();
  reply({"granted", "17", "1000", ""});
  feed(run::event::Signalled{SIGWINCH, false});
  feed(run::event::Signalled{SIGCONT, false});
  CHECK(actions.empty());
  feed(run::event::Spawned{});
  CHECK(*next_in() == Millis(10'000));
  feed(run::event::Signalled{SIGTERM, false});  // now the command can get it
  CHECK(find<run::action::Forward>());
}

TEST_CASE("--on-unreachable run: a signal while the command is being started calls the run off") {
  for (const bool sent : {false, true}) {
    World world;
    world.plan.on_unreachable = run::OnUnreachable::run;
    world.begin();
    world.fail(no_answer(sent));
    world.tick();
    world.fail(no_answer(false));
    REQUIRE(world.find<run::action::Spawn>());
    world.feed(run::event::Signalled{SIGTERM, false});
    if (sent) {
      CHECK(world.requested() == "abandon");
      world.reply({"abandoned"});
    }
    CHECK(world.exit_code() == 143);
  }
}

TEST_CASE_FIXTURE(World, "a signal is forwarded to the command unless the command has already got it") {
  start_child();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH}) {
    feed(run::event::Signalled{number, false});
    REQUIRE(find<run::action::Forward>());
    CHECK(find<run::action::Forward>()->signal == number);
    feed(run::event::Signalled{number, true});
    CHECK(actions.empty());
  }
}

TEST_CASE_FIXTURE(World,
                  "a failed command left processes: TERM after a moment, KILL after --kill-after, recorded at their end") {
  plan.kill_after = Millis(5000);
  start_child();
  feed(run::event::ChildExited{4});
  CHECK(requested().empty());
  after(Millis(99));
  feed(run::event::Tick{});
  CHECK(signal() == 0);
  tick();
  CHECK(signal() == SIGTERM);
  REQUIRE(find<run::action::MoveDeadlines>());
  CHECK(find<run::action::MoveDeadlines>()->deadlines.kill_at == now + Millis(5000));
  tick();
  CHECK(signal() == SIGKILL);
  CHECK(requested().empty());
  feed(run::event::TreeEmpty{});
  CHECK(requested() == "finish");
  CHECK(find<run::action::LetGo>());
  reply({"recorded", "0"});
  CHECK(exit_code() == 4);
}

TEST_CASE_FIXTURE(World, "the lease is renewed while processes of a failed command are left, and may be lost") {
  start_child();
  feed(run::event::ChildExited{4});
  tick();
  CHECK(signal() == SIGTERM);
  tick();
  CHECK(requested() == "renew");
  reply({"lost", "18"});
  CHECK(signal() == 0);  // they have already got TERM
  CHECK(reported<run::report::Stopping>()->why == Why::lost);
  feed(run::event::TreeEmpty{});
  reply({"recorded", "0"});
  CHECK(exit_code() == 79);
}

TEST_CASE_FIXTURE(World, "--leftovers leave: a success is recorded at once") {
  start_child();
  feed(run::event::ChildExited{0});
  CHECK(requested() == "finish");
  CHECK(find<run::action::LetGo>());
}

TEST_CASE_FIXTURE(World, "--leftovers wait: the lease is held until all processes have ended; reported after ten seconds") {
  plan.leftovers = run::Leftovers::wait;
  start_child();
  feed(run::event::ChildExited{0});
  CHECK(requested().empty());
  CHECK(next_in() == Millis(10'000));
  tick();
  CHECK(signal() == 0);
  CHECK(reported<run::report::Leftovers>());
  feed(run::event::TreeEmpty{});
  CHECK(requested() == "finish");
  reply({"recorded", "0"});
  CHECK(exit_code() == 0);
}

TEST_CASE_FIXTURE(World, "--leftovers wait: --timeout applies, and the report has the command's own exit code") {
  plan.leftovers = run::Leftovers::wait;
  plan.timeout = Millis(5000);
  start_child();
  feed(run::event::ChildExited{0});
  tick();
  CHECK(signal() == SIGTERM);
  feed(run::event::TreeEmpty{});
  CHECK(reported<run::report::Ended>()->code == 0);
  CHECK(reported<run::report::Ended>()->outcome == lock::Outcome::timeout);
  reply({"recorded", "0"});
  CHECK(exit_code() == 124);
}

TEST_CASE_FIXTURE(World, "--leftovers kill: processes that are left a second after a success are ended") {
  plan.leftovers = run::Leftovers::kill;
  start_child();
  feed(run::event::ChildExited{0});
  CHECK(next_in() == Millis(1000));
  tick();
  CHECK(signal() == SIGTERM);
  feed(run::event::TreeEmpty{});
  reply({"recorded", "0"});
  CHECK(exit_code() == 0);
}

TEST_CASE_FIXTURE(World,
                  "a run that was told to end: the processes that its command leaves are ended, even after a success code") {
  start_child();
  feed(run::event::Signalled{SIGTERM, false});
  REQUIRE(find<run::action::Forward>());
  feed(run::event::ChildExited{0});
  CHECK(requested().empty());
  tick();
  REQUIRE(find<run::action::Stop>());
  CHECK(find<run::action::Stop>()->group_has_it);
  feed(run::event::TreeEmpty{});
  CHECK(requested() == "finish");
}

TEST_CASE_FIXTURE(World, "told to end while waiting for processes that are left: they get TERM at once") {
  plan.leftovers = run::Leftovers::wait;
  start_child();
  feed(run::event::ChildExited{0});
  feed(run::event::Signalled{SIGINT, false});
  CHECK(signal() == SIGTERM);
  CHECK_FALSE(find<run::action::Stop>()->group_has_it);
}

TEST_CASE_FIXTURE(World, "the keeper is gone: the whole run is ended, with the command's own exit code") {
  start_child();
  feed(run::event::KeeperGone{});
  CHECK(signal() == SIGTERM);
  CHECK(reported<run::report::KeeperGone>());
  feed(run::event::ChildExited{137});
  feed(run::event::TreeEmpty{});
  reply({"recorded", "0"});
  CHECK(exit_code() == 137);
}

TEST_CASE_FIXTURE(World, "the keeper has ended the run: 79 at the lease's deadline, 124 at --timeout") {
  plan.timeout = Millis(5000);
  start_child();
  SUBCASE("at the lease's deadline") {
    after(Millis(60'000));
    feed(run::event::Expired{});
    CHECK(reported<run::report::Stopping>()->why == Why::not_renewed);
    ended(run::event::ChildExited{143});
    reply({"recorded", "0"});
    CHECK(exit_code() == 79);
  }
  SUBCASE("at --timeout") {
    after(Millis(5000));
    feed(run::event::Expired{});
    CHECK(reported<run::report::Stopping>()->why == Why::timeout);
    ended(run::event::ChildExited{143});
    reply({"recorded", "0"});
    CHECK(exit_code() == 124);
  }
}

TEST_CASE_FIXTURE(World, "the keeper has ended a run whose exec took longer than --timeout: 124") {
  plan.timeout = Millis(5000);
  SUBCASE("under a lease") {
    begin();
    reply({"granted", "17", "1000", ""});
  }
  SUBCASE("without a lease") {
    plan.on_unreachable = run::OnUnreachable::run;
    begin();
    fail(no_answer(false));
    tick();
    fail(no_answer(false));
  }
  REQUIRE(find<run::action::Spawn>());
  feed(run::event::Spawned{});
  after(Millis(5001));
  feed(run::event::Executed{1});
  feed(run::event::Expired{});
  CHECK(reported<run::report::Stopping>()->why == Why::timeout);
}

TEST_CASE_FIXTURE(World, "the keeper gets the deadlines at the start, and each renewal moves them") {
  plan.timeout = Millis(3'600'000);
  begin();
  const Instant sent = now;
  reply({"granted", "17", "1000", ""});
  REQUIRE(find<run::action::Spawn>());
  const lock::Lease lease{sent, Millis(60'000)};
  CHECK(find<run::action::Spawn>()->deadlines.term_at == lease.term_at(plan.kill_after));
  CHECK(find<run::action::Spawn>()->deadlines.kill_at == lease.kill_at());
  feed(run::event::Spawned{});
  tick();
  CHECK(requested() == "renew");
  const lock::Lease renewed{now, Millis(60'000)};
  reply({"renewed"});
  REQUIRE(find<run::action::MoveDeadlines>());
  CHECK(find<run::action::MoveDeadlines>()->deadlines.kill_at == renewed.kill_at());
}

TEST_CASE_FIXTURE(World, "the lease is too old just before the start: renewed, then the command is started") {
  begin();
  reply({"granted", "17", "1000", ""});
  CHECK(reported<run::report::Granted>());
  after(Millis(16'000));
  feed(run::event::Late{});
  CHECK(requested() == "renew");
  reply({"renewed"});
  CHECK(find<run::action::Spawn>());
  CHECK_FALSE(reported<run::report::Granted>());  // not reported twice
}

TEST_CASE_FIXTURE(World, "a stopped command stops condolock, unless the command is being ended") {
  start_child();
  feed(run::event::ChildStopped{});
  CHECK(find<run::action::StopSelf>());
  feed(run::event::KeeperGone{});
  feed(run::event::ChildStopped{});
  CHECK_FALSE(find<run::action::StopSelf>());
}

TEST_CASE_FIXTURE(World, "TERM while recording: one more attempt, then 74") {
  start_child();
  ended(run::event::ChildExited{0});
  SUBCASE("between attempts") {
    fail(no_answer());
    feed(run::event::Signalled{SIGTERM, false});
    CHECK(requested() == "finish");
  }
  SUBCASE("during an attempt, which is then the last one") { feed(run::event::Signalled{SIGTERM, false}); }
  feed(run::event::Signalled{SIGTERM, false});
  CHECK(actions.empty());
  fail(no_answer());
  CHECK(exit_code() == 74);
}

TEST_CASE_FIXTURE(World, "the same seed gives the same pauses") {
  std::vector<Millis> pauses;
  for (int i = 0; i < 2; ++i) {
    start_child();
    tick();
    fail(no_answer());
    pauses.push_back(*next_in());
  }
  CHECK(pauses[0] == pauses[1]);
}
