// The conditions except min-time and accessed-prior: each without a record, and after a failed, a lost and a live last run,
// at its limit to the millisecond, and naming the job itself.
#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Conditions : Protocol {
  // Leaves a holder of `key` whose lease has ended: a lost run.
  void let_expire(const std::string& key) {
    grant("lost" + key, {}, key);
    backdate("h_until", 61'000, key);
    backdate("h_start", 61'000, key);
  }
  // Judged in one call, so at the same instant.
  std::vector<lock::Verdict> verdicts(const std::vector<lock::Condition>& conditions) {
    const auto answer = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, conditions)), conditions.size());
    REQUIRE(answer.has_value());
    return answer.value().conditions;
  }
};

const lock::Condition after = lock::After{"other"};
const lock::Condition not_running = lock::NotRunning{"other"};
const lock::Condition retry_after = lock::RetryAfter{Millis(10'000)};

}  // namespace

TEST_CASE_FIXTURE(Conditions, "after holds if NAME's success is as new as the start of this job's last success") {
  CHECK(why(after) == "never");
  touch(lock::Outcome::failed, "other");
  CHECK(why(after) == "never");
  touch(lock::Outcome::success, "other");
  CHECK(why(after) == "holds");  // the job has no success yet
  touch(lock::Outcome::failed, "K");
  CHECK(why(after) == "holds");
  backdate("ok_end", 5000, "other");
  const std::int64_t ended = std::stoll(field("ok_end", "other"));
  touch(lock::Outcome::success, "K");
  set("ok_start", std::to_string(ended + 1));
  CHECK(why(after) == "old");
  set("ok_start", std::to_string(ended));  // in the same millisecond: an extra run is preferred
  CHECK(why(after) == "holds");
  set("ok_start", std::to_string(ended + 1));
  touch(lock::Outcome::failed, "other");  // a later failure does not count as a success
  CHECK(why(after) == "old");
  let_expire("other");
  CHECK(why(after) == "old");
}

TEST_CASE_FIXTURE(Conditions, "after the job itself holds from its first success on") {
  CHECK(why(lock::After{"K"}) == "never");
  run(lock::Outcome::success);
  CHECK(why(lock::After{"K"}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "not-running: only a live lease of the other job blocks") {
  CHECK(why(not_running) == "holds");
  run(lock::Outcome::failed, "other");
  CHECK(why(not_running) == "holds");
  grant("o", {}, "other");
  backdate("h_start", 5000, "other");
  CHECK(why(not_running) == "running");
  CHECK(verdicts({not_running})[0].since >= Millis(5000));
  server.command({"DEL", "{ns}:job:other"});
  let_expire("other");
  CHECK(why(not_running) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "not-running holds from the end of the lease, to the millisecond") {
  grant("o", {}, "other");
  // When since + left is 0, `now` of the script is at most until: both conditions say the same at any time.
  for (int i = 0; i < 50; ++i) {
    set("h_until", std::to_string(server_time() + 1), "other");
    const auto both = verdicts({not_running, lock::AccessedPrior{"other", Millis(1000)}});
    // Either running or a lost run: never both, never neither.
    CHECK((both[0].why == "running") == (both[1].why == "never"));
  }
}

TEST_CASE_FIXTURE(Conditions, "retry-after: verdicts without a record, and after a success, a failure and a loss") {
  CHECK(why(retry_after) == "holds");
  touch(lock::Outcome::success);
  CHECK(why(retry_after) == "holds");
  touch(lock::Outcome::failed);
  CHECK(why(retry_after) == "failed");
  backdate("ended", 10'000);
  CHECK(why(retry_after) == "holds");
  run(lock::Outcome::timeout);
  CHECK(why(retry_after) == "failed");
  run(lock::Outcome::success);
  CHECK(why(retry_after) == "holds");
  backdate("ended", 5000);  // before the loss
  let_expire("K");
  CHECK(why(lock::RetryAfter{Millis(3'600'000)}) == "failed");  // its lease ended a second ago
  CHECK(why(lock::RetryAfter{Millis(1000)}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "retry-after holds from its exact millisecond, and says when it is due") {
  touch(lock::Outcome::failed);
  backdate("ended", 10'000);
  std::vector<lock::Condition> conditions;
  for (std::int64_t ms = 9'990; ms < 10'500; ++ms) conditions.emplace_back(lock::RetryAfter{Millis(ms)});
  int exact = 0;
  std::int64_t limit = 9'990;
  for (const lock::Verdict& verdict : verdicts(conditions)) {
    CHECK(verdict.holds() == (*verdict.since >= Millis(limit)));
    if (!verdict.holds()) CHECK(*verdict.since + *verdict.due == Millis(limit));
    if (*verdict.since == Millis(limit) && verdict.holds()) ++exact;
    ++limit;
  }
  CHECK(exact == 1);
}

TEST_CASE_FIXTURE(Conditions, "max-failures counts failures in a row, lost runs included") {
  CHECK(why(lock::MaxFailures{1}) == "holds");
  run(lock::Outcome::failed);
  CHECK(why(lock::MaxFailures{1}) == "failed");
  CHECK(why(lock::MaxFailures{2}) == "holds");
  run(lock::Outcome::timeout);
  CHECK(why(lock::MaxFailures{2}) == "failed");
  backdate("ended", 5000);  // before the loss
  let_expire("K");
  CHECK(why(lock::MaxFailures{3}) == "failed");
  CHECK(why(lock::MaxFailures{4}) == "holds");
  run(lock::Outcome::success);
  CHECK(why(lock::MaxFailures{1}) == "holds");
}

TEST_CASE_FIXTURE(Conditions, "a skip names the condition that does not hold") {
  touch(lock::Outcome::failed);
  const auto decision = acquire("a", {not_running, retry_after, lock::MaxFailures{1}});
  REQUIRE(is<lock::Skipped>(decision));
  CHECK(as<lock::Skipped>(decision).position == 1);
}

TEST_CASE_FIXTURE(Conditions, "a skip names the run that must end before the condition can hold") {
  const auto who = [&](const lock::Condition& condition) {
    const auto decision = acquire("a", {condition});
    REQUIRE(is<lock::Skipped>(decision));
    return as<lock::Skipped>(decision).who;
  };
  const lock::Condition prior = lock::AccessedPrior{"other", Millis(1000)};
  CHECK(who(prior).empty());
  CHECK(who(after).empty());
  const lock::Grant grant_of_other = grant("o", {}, "other");
  for (const auto& condition : {not_running, prior, after}) CHECK(who(condition) == attempt("o").who);
  finish("o", grant_of_other, lock::Outcome::failed, 1, "other");
  CHECK(who(prior).empty());
  // With several slots, another run may succeed first.
  lock::Attempt one_of_two = attempt("p", "other");
  one_of_two.slots = 2;
  REQUIRE(is<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(one_of_two, {})), 0)));
  CHECK(who(not_running) == one_of_two.who);
  CHECK(who(prior).empty());
}

TEST_CASE_FIXTURE(Conditions, "max-runs counts runs with this condition, whether ended or forced, to the millisecond") {
  const std::vector<lock::Condition> twice{lock::MaxRuns{2, Millis(10'000)}};
  const auto begin = [&](const std::string& token, bool forced = false) {
    lock::Attempt made = attempt(token);
    made.needs.starts = 2;
    const auto given = forced ? std::vector<lock::Condition>{} : twice;
    return lock::decode_decision(ask(lock::acquire_call(made, given, {.forced = forced})), given.size());
  };
  CHECK(why(twice[0]) == "holds");
  run(lock::Outcome::success);  // has no such condition, so it is not counted
  CHECK(server.command({"EXISTS", "{ns}:starts:K"}) == "0");
  finish("a", as<lock::Grant>(begin("a")), lock::Outcome::failed, 1);
  CHECK(why(twice[0]) == "holds");
  const lock::Grant second = as<lock::Grant>(begin("b", true));
  CHECK(why(twice[0]) == "many");
  CHECK(why(lock::MaxRuns{3, Millis(10'000)}) == "holds");
  finish("b", second);
  const auto refused = begin("c");
  REQUIRE(is<lock::Skipped>(refused));
  CHECK(as<lock::Skipped>(refused).verdict.why == "many");
  const std::vector<lock::Verdict> seen = verdicts(twice);
  CHECK(*seen[0].since + *seen[0].due == Millis(10'000));
  // All at the same instant: a time that is exactly the age of the second last start holds, and one more millisecond does
  // not.
  std::vector<lock::Condition> edges;
  for (std::int64_t ms = 0; ms < 2000; ++ms) edges.emplace_back(lock::MaxRuns{2, Millis(ms)});
  std::int64_t holding = 0;
  Millis since{};
  for (const lock::Verdict& verdict : verdicts(edges)) {
    since = *verdict.since;
    if (verdict.holds()) ++holding;
  }
  REQUIRE(since < Millis(1999));
  CHECK(holding == since.count() + 1);
}

TEST_CASE_FIXTURE(Conditions, "max-runs: the start of an abandoned run does not count, and the larger number is kept") {
  lock::Attempt made = attempt("a");
  made.needs.starts = 3;
  const auto starts = [&] { return server.command({"LLEN", "{ns}:starts:K"}); };
  ask(lock::acquire_call(made, {}));
  CHECK(starts() == "1");
  ask(lock::acquire_call(made, {}));  // the same request again
  CHECK(starts() == "1");
  abandon("a");
  CHECK(starts() == "0");
  for (const char* token : {"b", "c", "d", "e"}) {
    made.token = token;
    finish(token, as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0)));
  }
  CHECK(starts() == "4");
  made.needs.starts = 1;
  made.token = "f";
  finish("f", as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0)));
  CHECK(starts() == "4");
  CHECK(why(lock::MaxRuns{3, Millis(60'000)}) == "many");
  // A forced run that is abandoned has not removed a start that counts.
  made.token = "g";
  made.needs.starts = 4;
  CHECK(why(lock::MaxRuns{4, Millis(60'000)}) == "many");
  ask(lock::acquire_call(made, {}, {.forced = true}));
  abandon("g");
  CHECK(why(lock::MaxRuns{4, Millis(60'000)}) == "many");
}

TEST_CASE_FIXTURE(Conditions, "once: an ID counts forever after a success, and never after failures and losses") {
  const lock::Condition once = lock::Once{"v1"};
  const auto end = [&](const std::string& token, const std::string& id, lock::Outcome outcome) {
    lock::Attempt made = attempt(token);
    made.needs.once = id;
    const lock::Grant given = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0));
    ask(lock::finish_call(made, given, outcome, 0));
  };
  CHECK(why(once) == "holds");
  end("a", "v1", lock::Outcome::failed);
  end("b", "v1", lock::Outcome::timeout);
  end("c", "v2", lock::Outcome::success);
  run(lock::Outcome::success);
  let_expire("K");
  CHECK(why(once) == "holds");
  end("d", "v1", lock::Outcome::success);
  CHECK(why(once) == "done");
  CHECK(why(lock::Once{"v2"}) == "done");
  CHECK(why(lock::Once{"v"}) == "holds");
  const std::string at = server.command({"ZSCORE", "{ns}:once:K", "v1"});
  end("e", "v1", lock::Outcome::success);  // forced
  CHECK(server.command({"ZSCORE", "{ns}:once:K", "v1"}) == at);
}

TEST_CASE_FIXTURE(Conditions, "starts and IDs in another format are malformed, and nothing is overwritten") {
  const auto malformed = [&](const engine::Call& call, const std::string& why) {
    const std::string before = server.command({"DUMP", "{ns}:job:K"});
    const engine::Reply reply = ask(call);
    REQUIRE(reply.answer.has_value());
    CHECK(reply.answer.value()[0] == "malformed");
    CHECK(reply.answer.value()[2] == why);
    CHECK(server.command({"DUMP", "{ns}:job:K"}) == before);
  };
  lock::Attempt made = attempt("a");
  made.needs.starts = 1;
  made.needs.once = "x";
  server.command({"RPUSH", "{ns}:starts:K", "yesterday"});
  malformed(lock::acquire_call(made, {lock::MaxRuns{1, Millis(1)}}), "has an invalid start");
  server.command({"DEL", "{ns}:starts:K"});
  server.command({"HSET", "{ns}:starts:K", "x", "y"});
  malformed(lock::acquire_call(made, {lock::MaxRuns{1, Millis(1)}}), "is a hash, not a list");
  malformed(lock::acquire_call(made, {}), "is a hash, not a list");
  malformed(lock::check_call(made.job, {lock::MaxRuns{1, Millis(1)}}), "holds another type of value");
  server.command({"DEL", "{ns}:starts:K"});
  const lock::Grant given = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0));
  server.command({"HSET", "{ns}:once:K", "x", "y"});
  malformed(lock::finish_call(made, given, lock::Outcome::success, 0), "holds another type of value");
  malformed(lock::check_call(made.job, {lock::Once{"x"}}), "holds another type of value");
}

TEST_CASE_FIXTURE(Conditions, "predicate: what the caller says, counted and shown like any other refusal") {
  const lock::Condition holds = lock::Predicate{"disk has room", true};
  const lock::Condition fails = lock::Predicate{std::string(40, 'n'), false};
  CHECK(why(holds) == "holds");
  CHECK(why(fails) == "fails");
  run(lock::Outcome::success);
  const auto refusal = acquire("token", {holds, fails});
  REQUIRE(refusal.has_value());
  REQUIRE(std::holds_alternative<lock::Skipped>(*refusal));
  CHECK(std::get<lock::Skipped>(*refusal).position == 1);
  CHECK(field("skips") == "1");
  CHECK(lock::refusal_in_words(field("refused_why")) == std::string(40, 'n') + " does not hold");
}
