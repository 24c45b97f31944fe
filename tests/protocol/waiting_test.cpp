// How waiters are woken: by which verb, how often, and when not.
#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Waiting : Protocol {
  // A refused acquire whose caller will wait.
  engine::Answered<lock::Decision> wait_for(const std::string& token, Millis patience = Millis(20'000),
                                            const std::vector<lock::Condition>& conditions = {}, std::int64_t slots = 1) {
    lock::Attempt made = attempt(token);
    made.slots = slots;
    return lock::decode_decision(ask(lock::acquire_call(made, conditions, {.patience = patience})), conditions.size());
  }
  std::string tokens() { return server.command({"LLEN", "{ns}:wake:K"}); }
  std::int64_t now() {
    const std::string time = server.command({"TIME"});
    return std::stoll(time.substr(0, time.find_first_of(" \n"))) * 1000;
  }
  lock::Grant take(const std::string& token, std::int64_t slots) {
    lock::Attempt made = attempt(token);
    made.slots = slots;
    return as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0));
  }
};

const lock::Condition prior_of_other = lock::AccessedPrior{"other", Millis(1000)};

}  // namespace

TEST_CASE_FIXTURE(Waiting, "no wake-up is pushed if no run waits") {
  finish("a", grant("a"));
  CHECK(is<lock::Grant>(wait_for("b")));  // it was granted, so it does not wait
  CHECK(field("waiters_until") == "(nil)");
  abandon("b");
  CHECK(tokens() == "0");
}

TEST_CASE_FIXTURE(Waiting, "waiters_until is the end of the longest sleep, plus five seconds") {
  grant("a");
  const std::int64_t before = now();
  static_cast<void>(wait_for("b", Millis(20'000)));
  CHECK(std::stoll(field("waiters_until")) >= before + 25'000);
  CHECK(std::stoll(field("waiters_until")) <= before + 27'000);
  static_cast<void>(wait_for("c", Millis(1000)));  // does not shorten it for the others
  CHECK(std::stoll(field("waiters_until")) >= before + 25'000);
  backdate("h_until", 55'000);  // at most until the end of the lease
  set("waiters_until", "0");
  static_cast<void>(wait_for("d", Millis(30'000)));
  CHECK(std::stoll(field("waiters_until")) <= before + 12'000);
}

TEST_CASE_FIXTURE(Waiting, "finish, abandon, unlock --now and resume push one wake-up, which expires with the waiters") {
  const lock::Grant a = grant("a");
  static_cast<void>(wait_for("w"));
  SUBCASE("finish") {
    finish("a", a);
    CHECK(tokens() == "1");
    finish("a", a);
    CHECK(tokens() == "1");
    finish("b", grant("b"));
    CHECK(tokens() == "1");  // no waiter took the first
    const std::int64_t left = std::stoll(server.command({"PTTL", "{ns}:wake:K"}));
    CHECK(left > 0);
    CHECK(left <= std::stoll(field("waiters_until")) - now());
  }
  SUBCASE("abandon") {
    abandon("other");
    CHECK(tokens() == "0");
    abandon("a");
    CHECK(tokens() == "1");
  }
  SUBCASE("unlock") {
    ask(lock::unlock_call({"ns", "K"}, false));
    CHECK(tokens() == "0");  // the key is not free yet
    ask(lock::unlock_call({"ns", "K"}, true));
    CHECK(tokens() == "1");
  }
  SUBCASE("resume") {
    ask(lock::pause_call({"ns", "K"}, {}, ""));
    CHECK(tokens() == "0");
    ask(lock::resume_call({"ns", "K"}));
    CHECK(tokens() == "1");
    CHECK(field("h_token") == "a");
  }
  SUBCASE("the waiters have stopped waiting") {
    set("waiters_until", std::to_string(now() - 1));
    finish("a", a);
    CHECK(tokens() == "0");
  }
}

TEST_CASE_FIXTURE(Waiting, "a waiter sleeps until the end of a pause as until the end of a lease") {
  ask(lock::pause_call({"ns", "K"}, Millis(8000), ""));
  const std::int64_t before = now();
  CHECK(is<lock::Paused>(wait_for("a")));
  CHECK(std::stoll(field("waiters_until")) >= before + 12'000);
  CHECK(std::stoll(field("waiters_until")) <= before + 15'000);
  ask(lock::pause_call({"ns", "K"}, {}, ""));
  static_cast<void>(wait_for("a"));
  CHECK(std::stoll(field("waiters_until")) >= before + 25'000);
}

TEST_CASE_FIXTURE(Waiting, "two slots are freed at once with one wake-up: the first waiter passes it on") {
  const lock::Grant a = take("a", 2);
  const lock::Grant b = take("b", 2);
  CHECK(is<lock::Held>(wait_for("w", Millis(20'000), {}, 2)));
  lock::Attempt made = attempt("a");
  made.slots = 2;
  ask(lock::finish_call(made, a, lock::Outcome::success, 0));
  made.token = "b";
  ask(lock::finish_call(made, b, lock::Outcome::success, 0));
  CHECK(tokens() == "1");
  server.command({"LPOP", "{ns}:wake:K"});  // the first waiter wakes
  take("w", 2);
  CHECK(tokens() == "1");  // a slot is left for the second
  server.command({"LPOP", "{ns}:wake:K"});
  take("x", 2);
  CHECK(tokens() == "0");  // now no slot is left
}

TEST_CASE_FIXTURE(Waiting, "a waiter that is woken but refused by a condition passes the wake-up on") {
  const lock::Grant a = grant("a");
  static_cast<void>(wait_for("w"));
  finish("a", a);
  server.command({"LPOP", "{ns}:wake:K"});
  CHECK(is<lock::Skipped>(wait_for("v", Millis(20'000), {prior_of_other})));
  CHECK(tokens() == "1");
}

TEST_CASE_FIXTURE(Waiting, "a run that sleeps for a condition is not woken") {
  CHECK(is<lock::Skipped>(wait_for("v", Millis(20'000), {prior_of_other})));
  CHECK(field("waiters_until") == "(nil)");
}

TEST_CASE_FIXTURE(Waiting, "only the first refusal of a wait counts as a skip, and every one is a write") {
  grant("a");
  const auto again = [&](const lock::Condition& condition) {
    return ask(lock::acquire_call(attempt("b"), {condition}, {.counted = false, .patience = Millis(1000)}));
  };
  static_cast<void>(wait_for("b"));
  CHECK(field("skips") == "1");
  again(prior_of_other);
  CHECK(field("skips") == "1");
  abandon("a");
  if (server.is_redis()) server.command({"CONFIG", "RESETSTAT"});
  again(prior_of_other);
  CHECK(field("skips") == "1");
  if (server.is_redis()) {
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_zadd:calls=1") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Waiting, "a list of wake-ups of another type is refused before the first write") {
  const lock::Grant a = grant("a");
  static_cast<void>(wait_for("w"));
  server.command({"SET", "{ns}:wake:K", "x"});
  const auto answer = lock::decode_recording(ask(lock::finish_call(attempt("a"), a, lock::Outcome::success, 0)));
  CHECK(answer.error().text ==
        "the record {ns}:wake:K is malformed: holds another type of value (condolock reset K --yes removes it)");
  CHECK(field("h_token") == "a");
}

TEST_CASE_FIXTURE(Waiting, "a waiter that cannot use its wake-up passes it on") {
  const auto woken = [&] { server.command({"DEL", "{ns}:wake:K"}); };  // a waiter has taken the wake-up
  const auto woken_in_a_pause = [&](const std::string& token) {
    const lock::Grant a = grant("a");
    static_cast<void>(wait_for("w"));
    ask(lock::pause_call({"ns", "K"}, Millis(60'000), ""));
    finish("a", a);
    woken();
    static_cast<void>(wait_for(token));
  };
  SUBCASE("it has another number of slots, and one is free") {
    take("a", 2);
    static_cast<void>(wait_for("w", Millis(20'000), {}, 3));
    woken();
    static_cast<void>(wait_for("v", Millis(20'000), {}, 3));
    CHECK(tokens() == "1");
  }
  SUBCASE("it has another number of slots, and none is free: not passed on") {
    grant("a");
    static_cast<void>(wait_for("w", Millis(20'000), {}, 3));
    woken();
    static_cast<void>(wait_for("v", Millis(20'000), {}, 3));
    CHECK(tokens() == "0");
  }
  SUBCASE("a job that it names is malformed") {
    const lock::Grant a = grant("a");
    static_cast<void>(wait_for("w"));
    finish("a", a);
    woken();
    server.command({"SET", "{ns}:job:other", "x"});
    static_cast<void>(wait_for("v", Millis(20'000), {prior_of_other}));
    CHECK(tokens() == "1");
  }
  SUBCASE("a key that its condition reads is malformed") {
    const lock::Grant a = grant("a");
    static_cast<void>(wait_for("w"));
    finish("a", a);
    woken();
    server.command({"SET", "{ns}:once:K", "x"});
    static_cast<void>(wait_for("v", Millis(20'000), {lock::Once{"x"}}));
    CHECK(tokens() == "1");
  }
  SUBCASE("it gives up before a pause ends") {
    woken_in_a_pause("v");
    CHECK(tokens() == "0");
    static_cast<void>(wait_for("x", Millis(0)));  // was never asleep
    CHECK(tokens() == "0");
    ask(lock::acquire_call(attempt("v"), {}, {.counted = false}));
    CHECK(tokens() == "1");
  }
  SUBCASE("it is told to end during a pause") {
    woken_in_a_pause("v");
    abandon("v");
    CHECK(tokens() == "1");
  }
  SUBCASE("it has given up meanwhile") {
    const lock::Grant a = grant("a");
    static_cast<void>(wait_for("w"));
    static_cast<void>(wait_for("v"));
    abandon("v");
    finish("a", a);
    woken();
    static_cast<void>(wait_for("v"));
    CHECK(tokens() == "1");
  }
}

TEST_CASE_FIXTURE(Waiting, "a pause that is shortened wakes a waiter, a longer one does not") {
  ask(lock::pause_call({"ns", "K"}, Millis(60'000), ""));
  static_cast<void>(wait_for("w"));
  ask(lock::pause_call({"ns", "K"}, Millis(90'000), ""));
  CHECK(tokens() == "0");
  ask(lock::pause_call({"ns", "K"}, Millis(1000), ""));
  CHECK(tokens() == "1");
}

TEST_CASE_FIXTURE(Waiting, "a check wakes no waiter, even if it finds another job's record malformed") {
  grant("a");
  static_cast<void>(wait_for("w"));
  remove_holder();
  server.command({"HSET", "{ns}:job:other", "v", "x"});
  const auto verdicts = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, {prior_of_other})), 1);
  REQUIRE_FALSE(verdicts.has_value());
  CHECK(verdicts.error().fault == engine::Fault::malformed);
  CHECK(tokens() == "0");
}
