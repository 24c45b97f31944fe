#include <chrono>

#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

std::int64_t wall_clock() {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const lock::Condition min_time = lock::MinTime{Millis(300'000)};
const lock::Condition from_start = lock::MinTime{Millis(300'000), From::start};
const lock::Condition prior = lock::AccessedPrior{"other", Millis(300'000)};

}  // namespace

TEST_CASE_FIXTURE(Protocol, "a grant records the fence, the start, the holder and the index entry") {
  const std::int64_t before = wall_clock();
  const lock::Grant first = grant("a");
  CHECK(first.fence >= before);
  CHECK(first.start >= before);
  CHECK_FALSE(first.last_success);
  CHECK(field("v") == "1");
  CHECK(field("h_token") == "a");
  CHECK(field("h_who") == "1 host-a");
  CHECK(std::stoll(field("h_until")) == first.start + 60'000);
  CHECK(server.command({"ZSCORE", "{ns}:index", "K"}) == std::to_string(first.start));
  CHECK(server.command({"EXISTS", "{ns}:runs:K", "{ns}:retired:K"}) == "0");
}

TEST_CASE_FIXTURE(Protocol, "the same token gets the same fence and a longer lease") {
  const lock::Grant first = grant("a");
  backdate("h_until", 50'000);
  const lock::Grant second = grant("a");
  CHECK(second.fence == first.fence);
  CHECK(second.start == first.start);
  CHECK(std::stoll(field("h_until")) >= first.start + 60'000);
}

// Found by the simulation: a server that had lost the runs granted meanwhile gave it the old fence.
TEST_CASE_FIXTURE(Protocol, "the same token gets a new fence if its lease has ended before it asks again") {
  lock::Attempt a = attempt("a");
  a.needs.starts = 2;
  const auto ask_again = [&] { return as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(a, {})), 0)); };
  const lock::Grant first = ask_again();
  backdate("h_until", 61'000);
  const lock::Grant second = ask_again();
  CHECK(second.fence > first.fence);
  CHECK(second.start == first.start);
  CHECK(field("fence") == std::to_string(second.fence));
  CHECK(field("runs") == "(nil)");
  const std::string starts = "{ns}:starts:K";
  CHECK(server.command({"LRANGE", starts, "0", "-1"}) == std::to_string(first.start) + " " + std::to_string(second.fence));
  abandon("a");  // removes its start
  CHECK(server.command({"LLEN", starts}) == "0");
}

TEST_CASE_FIXTURE(Protocol, "while a holder is live, every other run is refused, whatever its conditions") {
  grant("a");
  backdate("h_start", 41'000);
  const auto decision = acquire("b", {prior});
  REQUIRE(is<lock::Held>(decision));
  const auto& held = as<lock::Held>(decision);
  CHECK(held.who == "1 host-a");
  CHECK(held.since >= Millis(41'000));
  CHECK(held.left <= Millis(60'000));
  CHECK(held.left > Millis(50'000));
  CHECK(field("skips") == "1");
}

TEST_CASE_FIXTURE(Protocol, "the fence grows even if the clock does not") {
  const lock::Grant first = grant("a");
  finish("a", first);
  set("fence", "9007199254740000");  // more digits than Lua's tostring writes
  CHECK(grant("b").fence == 9007199254740001);
  CHECK(field("fence") == "9007199254740001");
}

TEST_CASE_FIXTURE(Protocol, "min-time: verdicts without a record, too soon, when due, and counted from the start") {
  CHECK(why(min_time) == "holds");
  run(lock::Outcome::failed);
  CHECK(why(min_time) == "holds");  // a failure does not count as a success
  run(lock::Outcome::success);
  CHECK(why(min_time) == "recent");
  backdate("ok_start", 300'000);
  CHECK(why(min_time) == "recent");
  CHECK(why(from_start) == "holds");
  backdate("ok_end", 300'000);
  CHECK(why(min_time) == "holds");
  const auto decision = acquire("b", {lock::MinTime{Millis(310'000)}});
  REQUIRE(is<lock::Skipped>(decision));
  const auto& verdict = as<lock::Skipped>(decision).verdict;
  CHECK(*verdict.since >= Millis(300'000));
  CHECK(*verdict.since + *verdict.due == Millis(310'000));
}

TEST_CASE_FIXTURE(Protocol, "a condition changes its verdict at the exact millisecond") {
  touch(lock::Outcome::success, "K");
  touch(lock::Outcome::success, "other");
  backdate("ok_end", 10'000);
  backdate("ended", 10'000, "other");
  // Judged in one call, so at the same instant: some 500 limits around the time that has passed.
  std::vector<lock::Condition> conditions;
  for (std::int64_t ms = 9'990; ms < 10'500; ++ms) {
    conditions.emplace_back(lock::MinTime{Millis(ms)});
    conditions.emplace_back(lock::AccessedPrior{"other", Millis(ms)});
  }
  const auto answer = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, conditions)), conditions.size());
  const auto& verdicts = answer.value().conditions;
  int exact = 0;
  for (std::size_t i = 0; i < verdicts.size(); i += 2) {
    const Millis limit(9'990 + static_cast<std::int64_t>(i / 2));
    CHECK(verdicts[i].holds() == (*verdicts[i].since >= limit));
    CHECK(verdicts[i + 1].holds() == (*verdicts[i + 1].since <= limit));
    if (*verdicts[i].since == limit) {
      ++exact;
      CHECK(verdicts[i].holds());
    }
    if (*verdicts[i + 1].since == limit) {
      ++exact;
      CHECK(verdicts[i + 1].holds());
    }
  }
  CHECK(exact == 2);
}

TEST_CASE_FIXTURE(
    Protocol,
    "accessed-prior: verdicts without a record, after a failure, when stale, when it holds, and on the job itself") {
  CHECK(why(prior) == "never");
  run(lock::Outcome::failed, "other");
  CHECK(why(prior) == "failed");
  run(lock::Outcome::success, "other");
  CHECK(why(prior) == "holds");
  run(lock::Outcome::timeout, "other");
  CHECK(why(prior) == "failed");
  touch(lock::Outcome::success, "other");
  CHECK(why(prior) == "holds");
  backdate("ended", 300'050, "other");
  CHECK(why(prior) == "stale");
  CHECK(why(lock::AccessedPrior{"K", Millis(300'000)}) == "never");
  run(lock::Outcome::success);
  CHECK(why(lock::AccessedPrior{"K", Millis(300'000)}) == "holds");
}

TEST_CASE_FIXTURE(Protocol, "min-time holds after skips alone, and accessed-prior says never") {
  static_cast<void>(acquire("a", {prior}));
  CHECK(field("skips") == "1");
  CHECK(why(min_time) == "holds");
  CHECK(why(lock::AccessedPrior{"K", Millis(300'000)}) == "never");
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "1");
}

TEST_CASE_FIXTURE(Protocol, "a skip reports the first condition that does not hold") {
  const auto decision = acquire("a", {min_time, prior, lock::AccessedPrior{"third", Millis(1)}});
  REQUIRE(is<lock::Skipped>(decision));
  CHECK(as<lock::Skipped>(decision).position == 1);
  CHECK(as<lock::Skipped>(decision).verdict.why == "never");
}

TEST_CASE_FIXTURE(Protocol, "a skip changes no time that a condition reads") {
  run(lock::Outcome::success);
  const auto before = record();
  const std::string index = server.command({"ZSCORE", "{ns}:index", "K"});
  static_cast<void>(acquire("b", {min_time}));
  static_cast<void>(acquire("c", {min_time}));
  const auto after = record();
  CHECK(after.skips == 2);
  CHECK(after.success_end == before.success_end);
  CHECK(after.ended == before.ended);
  CHECK(after.fence == before.fence);
  CHECK(after.holders.empty());
  CHECK(server.command({"ZSCORE", "{ns}:index", "K"}) == index);
  run(lock::Outcome::success);
  CHECK(record().skips == 0);
}

TEST_CASE_FIXTURE(Protocol, "an expired holder is a lost run for every condition, on any key") {
  touch(lock::Outcome::success, "other");
  const lock::Grant lost = grant("a", {}, "other");
  CHECK(why(prior) == "holds");  // while the holder is live, the last finished run counts
  backdate("h_until", 61'000, "other");
  backdate("h_start", 61'000, "other");
  backdate("ok_end", 62'000, "other");
  backdate("ended", 62'000, "other");
  CHECK(why(prior) == "failed");
  // Nothing is recorded before the grant that replaces it ...
  CHECK(record("other").failures == 0);
  CHECK(runs("other").find("lost") == std::string::npos);
  // ... and then it is recorded.
  const lock::Grant next = grant("b", {}, "other");
  CHECK(next.fence > lost.fence);
  CHECK(record("other").outcome == "lost");
  CHECK(record("other").failures == 1);
  CHECK(record("other").failures_in_a_row == 1);
  CHECK_FALSE(record("other").code);
  CHECK(field("cut", "other") == std::to_string(lost.fence));
  CHECK(runs("other").find(std::to_string(lost.fence)) == 0);
  CHECK(runs("other").find(" lost - 1 host-a") != std::string::npos);
}

TEST_CASE_FIXTURE(Protocol, "a lost run that ended before the last run does not become the last run") {
  grant("a");
  backdate("h_until", 70'000);
  backdate("h_start", 70'000);
  touch(lock::Outcome::success);  // after the lease had ended
  CHECK(why(lock::AccessedPrior{"K", Millis(300'000)}) == "holds");
  grant("b");
  CHECK(record().outcome == "success");
  CHECK(record().failures_in_a_row == 0);
  CHECK(record().failures == 1);
  CHECK(record().runs == 2);
}

TEST_CASE_FIXTURE(Protocol, "check writes nothing") {
  grant("a");
  const std::string before = server.command({"DUMP", "{ns}:job:K"});
  const std::string keys = server.command({"DBSIZE"});
  const auto answer = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, {min_time, prior})), 2);
  const auto& verdicts = answer.value();
  REQUIRE(verdicts.holder);
  CHECK(verdicts.holder->who == "1 host-a");
  CHECK(verdicts.conditions[0].why == "holds");
  CHECK(verdicts.conditions[1].why == "never");
  CHECK(server.command({"DUMP", "{ns}:job:K"}) == before);
  CHECK(server.command({"DBSIZE"}) == keys);
}

TEST_CASE_FIXTURE(Protocol, "a key may have any bytes, and they are never taken for code") {
  for (const std::string& key : std::vector<std::string>{std::string("a\0b\r\n", 5), "return 1 --", "{x}:y", "\xff\xfe",
                                                         std::string(1024, 'k'), "*3\r\n$3\r\nDEL\r\n", "a b"}) {
    run(lock::Outcome::success, key);
    CHECK(why(lock::AccessedPrior{key, Millis(10'000)}) == "holds");
    CHECK(record(key).runs == 1);
    CHECK(server.command({"ZRANK", "{ns}:index", key}) != "(nil)");
  }
}

TEST_CASE_FIXTURE(Protocol, "namespaces do not see each other") {
  run(lock::Outcome::success);
  const auto answer = lock::decode_verdicts(ask(lock::check_call({"elsewhere", "K"}, {min_time})), 1);
  CHECK(answer.value().conditions[0].holds());
}

TEST_CASE_FIXTURE(Protocol, "an idle record is small, and its numbers have no exponents") {
  for (int i = 0; i < 3; ++i) run(i == 1 ? lock::Outcome::failed : lock::Outcome::success);
  static_cast<void>(acquire("s", {min_time}));
  grant("l");
  backdate("h_until", 70'000);
  finish("z", grant("z"));
  if (server.is_redis()) {
    CHECK(server.command({"OBJECT", "ENCODING", "{ns}:job:K"}) == "listpack");
    CHECK(std::stoi(server.command({"MEMORY", "USAGE", "{ns}:job:K"})) <= 400);
  }
  CHECK(server.command({"HVALS", "{ns}:job:K"}).find("e+") == std::string::npos);
  CHECK(runs().find("e+") == std::string::npos);
}
