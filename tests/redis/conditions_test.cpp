// The conditions that came after the first two: each with no record, a failed, a lost and a live last run, at its edge to
// the millisecond, and naming the job itself.
#include "redis/protocol.hpp"

using namespace condolock;

namespace {

struct Conditions : Protocol {
  // A holder of `key` whose lease has ended: a lost run.
  void lose(const std::string& key) {
    grant("lost" + key, {}, key);
    backdate("h_until", 61'000, key);
    backdate("h_start", 61'000, key);
  }
  // Judged in one call, so on the same instant.
  std::vector<Verdict> verdicts(const std::vector<Condition>& conditions) {
    const auto answer = decode_verdicts(ask(check_call({"ns", "K"}, conditions)), conditions.size());
    REQUIRE(std::holds_alternative<Verdicts>(answer));
    return std::get<Verdicts>(answer).conditions;
  }
};

const Condition after = After{"other"};
const Condition not_running = NotRunning{"other"};
const Condition retry_after = RetryAfter{Millis(10'000)};

}  // namespace

TEST_CASE_FIXTURE(Conditions, "after: NAME's success is as new as this job's last success' beginning") {
  CHECK(why(after) == "never");
  touch(Outcome::failed, "other");
  CHECK(why(after) == "never");
  touch(Outcome::success, "other");
  CHECK(why(after) == "holds");  // no success of its own yet
  touch(Outcome::failed, "K");
  CHECK(why(after) == "holds");
  const std::int64_t ended = std::stoll(field("ok_end", "other"));
  touch(Outcome::success, "K");
  set("ok_start", std::to_string(ended + 1));
  CHECK(why(after) == "old");
  set("ok_start", std::to_string(ended));  // in the same millisecond: rather once too often
  CHECK(why(after) == "holds");
  set("ok_start", std::to_string(ended + 1));
  touch(Outcome::failed, "other");  // a failure since is no success
  CHECK(why(after) == "old");
  lose("other");
  CHECK(why(after) == "old");
}

TEST_CASE_FIXTURE(Conditions, "after the job itself: from its first success on") {
  CHECK(why(After{"K"}) == "never");
  run(Outcome::success);
  CHECK(why(After{"K"}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "not-running: only a live lease counts") {
  CHECK(why(not_running) == "holds");
  run(Outcome::failed, "other");
  CHECK(why(not_running) == "holds");
  grant("o", {}, "other");
  backdate("h_start", 5000, "other");
  CHECK(why(not_running) == "running");
  CHECK(verdicts({not_running})[0].since >= Millis(5000));
  server.command({"DEL", "{ns}:job:other"});
  lose("other");
  CHECK(why(not_running) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "not-running ends with the lease, to the millisecond") {
  grant("o", {}, "other");
  // until is `now` of the script at the latest when since + left = 0: whichever comes, both say the same.
  for (int i = 0; i < 50; ++i) {
    set("h_until",
        server.command({"EVAL", "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) + 1", "0"}),
        "other");
    const auto both = verdicts({not_running, AccessedPrior{"other", Millis(1000)}});
    // Running, or a lost run: never both, never neither.
    CHECK((both[0].why == "running") == (both[1].why == "never"));
  }
}

TEST_CASE_FIXTURE(Conditions, "retry-after: no record, success, failure, loss") {
  CHECK(why(retry_after) == "holds");
  touch(Outcome::success);
  CHECK(why(retry_after) == "holds");
  touch(Outcome::failed);
  CHECK(why(retry_after) == "failed");
  backdate("ended", 10'000);
  CHECK(why(retry_after) == "holds");
  run(Outcome::timeout);
  CHECK(why(retry_after) == "failed");
  run(Outcome::success);
  CHECK(why(retry_after) == "holds");
  backdate("ended", 5000);  // before the loss
  lose("K");
  CHECK(why(RetryAfter{Millis(3'600'000)}) == "failed");  // its lease ended a second ago
  CHECK(why(RetryAfter{Millis(1000)}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "retry-after: its edge, and when it is due") {
  touch(Outcome::failed);
  backdate("ended", 10'000);
  std::vector<Condition> conditions;
  for (std::int64_t ms = 9'990; ms < 10'500; ++ms) conditions.emplace_back(RetryAfter{Millis(ms)});
  int exact = 0;
  std::int64_t limit = 9'990;
  for (const Verdict& verdict : verdicts(conditions)) {
    CHECK(verdict.holds() == (*verdict.since >= Millis(limit)));
    if (!verdict.holds()) CHECK(*verdict.since + *verdict.due == Millis(limit));
    if (*verdict.since == Millis(limit) && verdict.holds()) ++exact;
    ++limit;
  }
  CHECK(exact == 1);
}

TEST_CASE_FIXTURE(Conditions, "max-failures counts failures in a row, losses among them") {
  CHECK(why(MaxFailures{1}) == "holds");
  run(Outcome::failed);
  CHECK(why(MaxFailures{1}) == "failed");
  CHECK(why(MaxFailures{2}) == "holds");
  run(Outcome::timeout);
  CHECK(why(MaxFailures{2}) == "failed");
  backdate("ended", 5000);  // before the loss
  lose("K");
  CHECK(why(MaxFailures{3}) == "failed");
  CHECK(why(MaxFailures{4}) == "holds");
  run(Outcome::success);
  CHECK(why(MaxFailures{1}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "a skip names the condition, whichever it is") {
  touch(Outcome::failed);
  const auto decision = acquire("a", {not_running, retry_after, MaxFailures{1}});
  REQUIRE(std::holds_alternative<Skipped>(decision));
  CHECK(std::get<Skipped>(decision).position == 1);
}
