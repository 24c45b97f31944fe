// What people do to a job by hand: pause, resume, unlock.
#include "redis/protocol.hpp"

using namespace condolock;

namespace {

struct Operator : Protocol {
  bool pause(std::optional<Millis> length, const std::string& reason = "") {
    return std::get<bool>(decode_pause(ask(pause_call({"ns", "K"}, length, reason))));
  }
  bool resume() { return std::get<bool>(decode_pause(ask(resume_call({"ns", "K"})))); }
  std::optional<Held> unlock(bool at_once) {
    const auto answer = decode_unlock(ask(unlock_call({"ns", "K"}, at_once)));
    REQUIRE(std::holds_alternative<std::optional<Held>>(answer));
    return std::get<std::optional<Held>>(answer);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Operator, "pause: no grant, until resume") {
  CHECK(pause({}, "upgrade"));
  const auto decision = acquire("a", {AccessedPrior{"other", Millis(1)}});
  REQUIRE(std::holds_alternative<Paused>(decision));
  CHECK(std::get<Paused>(decision).why == "upgrade");
  CHECK_FALSE(std::get<Paused>(decision).left);
  CHECK(record().skips == 1);
  CHECK(record().pause->why == "upgrade");
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "1");
  CHECK(resume());
  CHECK_FALSE(resume());
  CHECK_FALSE(record().pause);
  CHECK(field("paused_why") == "(nil)");
  grant("a");
}

TEST_CASE_FIXTURE(Operator, "pause: for a time, to the millisecond, and counted anew") {
  CHECK(pause(Millis(60'000), "a"));
  CHECK(pause(Millis(120'000)));
  auto decision = acquire("a");
  REQUIRE(std::holds_alternative<Paused>(decision));
  CHECK(*std::get<Paused>(decision).left > Millis(60'000));
  CHECK(*std::get<Paused>(decision).left <= Millis(120'000));
  CHECK(std::get<Paused>(decision).why.empty());
  backdate("paused_until", 120'000);  // over, at the latest now
  grant("a");
  CHECK_FALSE(resume());
  CHECK(field("paused_until") == "(nil)");
}

TEST_CASE_FIXTURE(Operator, "pause leaves a live run alone, and a live holder is what is told") {
  const Grant mine = grant("a");
  CHECK(pause({}));
  CHECK(std::holds_alternative<Held>(acquire("b")));
  CHECK(renew("a", mine) == Renewal::renewed);
  CHECK(grant("a").fence == mine.fence);  // a repeated request for a grant that was given
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().pause);
}

TEST_CASE_FIXTURE(Operator, "force goes through a pause") {
  CHECK(pause({}));
  const auto decision = decode_decision(ask(acquire_call(attempt("a"), {}, {.forced = true})), 0);
  CHECK(std::holds_alternative<Grant>(decision));
}

TEST_CASE_FIXTURE(Operator, "check tells of a pause and writes nothing") {
  CHECK(pause(Millis(60'000), "why"));
  const std::string before = server.command({"DUMP", "{ns}:job:K"});
  const auto answer = decode_verdicts(ask(check_call({"ns", "K"}, {MinTime{Millis(1)}})), 1);
  REQUIRE(std::get<Verdicts>(answer).pause);
  CHECK(std::get<Verdicts>(answer).pause->why == "why");
  CHECK(std::get<Verdicts>(answer).conditions[0].holds());
  CHECK(server.command({"DUMP", "{ns}:job:K"}) == before);
}

TEST_CASE_FIXTURE(Operator, "unlock: nobody, or an expired holder: nothing to do") {
  CHECK_FALSE(unlock(false));
  CHECK_FALSE(record().known);
  grant("a");
  backdate("h_until", 61'000);
  CHECK_FALSE(unlock(false));
  CHECK_FALSE(unlock(true));
}

TEST_CASE_FIXTURE(Operator, "unlock: no more renewals, but the lease is held to its end") {
  const Grant mine = grant("a");
  backdate("h_start", 5000);
  const auto held = unlock(false);
  REQUIRE(held);
  CHECK(held->who == "1 host-a");
  CHECK(held->since >= Millis(5000));
  CHECK(held->left > Millis(50'000));
  CHECK(unlock(false));  // the same again
  CHECK(std::holds_alternative<Held>(acquire("b")));
  CHECK(std::holds_alternative<Held>(acquire("a")));  // no extension by a repeated acquire either
  CHECK(renew("a", mine) == Renewal::lost);
  CHECK(finish("a", mine, Outcome::lost, 143) == Recording::recorded);  // what it comes to is its own
  CHECK(record().outcome == "lost");
  CHECK(record().holders.empty());
  const Grant next = grant("b");
  CHECK(renew("b", next) == Renewal::renewed);  // the next lease is not revoked
}

TEST_CASE_FIXTURE(Operator, "unlock --now: free at once, written down as lost, and what comes late is superseded") {
  const Grant mine = grant("a");
  REQUIRE(unlock(true));
  CHECK(record().holders.empty());
  CHECK(record().outcome == "lost");
  CHECK(record().fails == 1);
  CHECK(field("cut") == std::to_string(mine.fence));
  CHECK(renew("a", mine) == Renewal::lost);
  CHECK(finish("a", mine) == Recording::superseded);
  CHECK_FALSE(record().success_end);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "2");
  grant("b");
}
