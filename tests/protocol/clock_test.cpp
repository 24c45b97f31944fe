// The engine's clock goes back, so times on record lie in the future. They count as now, and the next step that writes
// stores them as now.
#include <algorithm>

#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

constexpr std::int64_t ten_years = 315'360'000'000;  // ms

struct Clock : Protocol {
  // Makes the times look as if the clock had been ten years ahead when they were written.
  void age(const std::vector<std::string>& names, const std::string& key = "K") {
    for (const std::string& name : names) backdate(name, -ten_years, key);
  }
  void age_all(const std::string& key = "K") {
    for (const char* name : {"ok_start", "ok_end", "ended", "failed_at"}) {
      if (field(name, key) != "(nil)") backdate(name, -ten_years, key);
    }
  }
  bool is_now(const std::string& name, const std::string& key = "K") {
    const std::int64_t at = std::stoll(field(name, key));
    return at <= server_time() && at > server_time() - 60'000;
  }
  bool are_ahead(const std::vector<std::string>& names, const std::string& key = "K") {
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::stoll(field(name, key)) > server_time() + ten_years / 2;
    });
  }
  lock::Verdicts check(const std::vector<lock::Condition>& conditions) {
    return lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, conditions)), conditions.size()).value();
  }
};

const std::vector<std::string> ends{"ok_start", "ok_end", "ended"};

}  // namespace

TEST_CASE_FIXTURE(Clock,
                  "check and status read times in the future as now, change nothing, and say that the clock went back") {
  run(lock::Outcome::success);
  CHECK_FALSE(check({}).ahead);
  CHECK_FALSE(record().ahead);
  age(ends);
  const lock::Condition min_time = lock::MinTime{Millis(300'000)};
  const lock::Verdicts verdicts = check({min_time});
  CHECK(verdicts.conditions[0].due == Millis(300'000));
  CHECK(verdicts.ahead > Millis(ten_years - 60'000));
  CHECK(record().ahead > Millis(ten_years - 60'000));
  const lock::Record read = record();
  CHECK(*read.ended <= read.now);
  CHECK(are_ahead(ends));
}

TEST_CASE_FIXTURE(Clock,
                  "a refusal stores times in the future as now, so that a condition blocks no longer than its own time") {
  run(lock::Outcome::success);
  age(ends);
  CHECK(is<lock::Skipped>(acquire("a", {lock::MinTime{Millis(300'000)}})));
  for (const std::string& name : ends) CHECK(is_now(name));
  CHECK_FALSE(record().ahead);
  for (const std::string& name : ends) backdate(name, 300'001);
  grant("b", {lock::MinTime{Millis(300'000)}});
}

TEST_CASE_FIXTURE(Clock, "every other step that writes stores times in the future as now") {
  const auto aged = [&] {
    server.command({"FLUSHALL"});
    run(lock::Outcome::failed);
    run(lock::Outcome::success);
  };
  const std::vector<std::string> all{"ok_start", "ok_end", "ended", "failed_at"};
  const auto are_now = [&] {
    return std::all_of(all.begin(), all.end(), [&](const std::string& name) { return is_now(name); });
  };
  aged();
  age_all();
  const lock::Grant first = grant("a");
  CHECK(are_now());
  age_all();
  CHECK(renew("a", first) == lock::Renewal::renewed);
  CHECK(are_now());
  age_all();
  CHECK(finish("a", first) == lock::Recording::recorded);
  CHECK(are_now());
  aged();
  age_all();
  touch(lock::Outcome::failed);
  CHECK(are_now());
}

TEST_CASE_FIXTURE(Clock, "the times of a job that a condition names are stored as now, whatever the verdict") {
  for (const bool refused : {false, true}) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success, "other");
    age(ends, "other");
    std::vector<lock::Condition> conditions{lock::AccessedPrior{"other", Millis(300'000)}};
    if (refused) conditions.emplace_back(lock::AccessedPrior{"never", Millis(1)});
    CHECK(is<lock::Skipped>(acquire("a", conditions)) == refused);
    for (const std::string& name : ends) CHECK(is_now(name, "other"));
    for (const std::string& name : ends) backdate(name, 300'001, "other");
    CHECK(why(conditions[0]) == "stale");
    CHECK(server.command({"EXISTS", "{ns}:job:never"}) == "0");
  }
}

TEST_CASE_FIXTURE(Clock, "after holds if both times lie in the future") {
  run(lock::Outcome::success, "other");
  run(lock::Outcome::success);
  age(ends);
  age(ends, "other");
  CHECK(why(lock::After{"other"}) == "holds");
  grant("a", {lock::After{"other"}});
}

TEST_CASE_FIXTURE(Clock,
                  "a lease that has more time left than its length ends one length from now; its fence and start stay") {
  const lock::Grant mine = grant("a");
  backdate("h_until", -ten_years);
  const auto decision = acquire("b");
  REQUIRE(is<lock::Held>(decision));
  CHECK(as<lock::Held>(decision).left == Millis(60'000));
  CHECK(std::stoll(field("h_until")) <= server_time() + 60'000);
  CHECK(std::stoll(field("h_fence")) == mine.fence);
  CHECK(std::stoll(field("h_start")) == mine.start);
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  backdate("h_until", -ten_years);
  CHECK(why(lock::NotRunning{"K"}, "L") == "running");
  CHECK(is<lock::Skipped>(acquire("c", {lock::NotRunning{"K"}}, "L")));
  CHECK(std::stoll(field("h_until")) <= server_time() + 60'000);
  CHECK(finish("a", mine) == lock::Recording::recorded);
}

TEST_CASE_FIXTURE(Clock, "a holder with a start in the future keeps it, and its run is recorded with now as the start") {
  const lock::Grant mine = grant("a");
  backdate("h_start", -ten_years);
  CHECK(record().ahead > Millis(ten_years - 60'000));
  CHECK(as<lock::Held>(acquire("b")).since == Millis(0));
  const lock::Grant aged{mine.fence, mine.start + ten_years, {}};
  CHECK(renew("a", aged) == lock::Renewal::renewed);
  CHECK(std::stoll(field("h_start")) == aged.start);
  CHECK(finish("a", aged) == lock::Recording::recorded);
  for (const std::string& name : ends) CHECK(is_now(name));
  CHECK(field("took") == "0");
}

TEST_CASE_FIXTURE(Clock, "the lease of a slot that has more time left than its length ends one length from now") {
  const auto with_slots = [&](const std::string& token) {
    lock::Attempt made = attempt(token);
    made.slots = 2;
    return lock::decode_decision(ask(lock::acquire_call(made, {})), 0);
  };
  REQUIRE(is<lock::Grant>(with_slots("a")));
  REQUIRE(is<lock::Grant>(with_slots("b")));
  const std::string value = server.command({"HMGET", "{ns}:slots:K", "a"});
  const std::size_t space = value.find(' ');
  const std::string until = std::to_string(std::stoll(value.substr(0, space)) + ten_years);
  server.command({"HSET", "{ns}:slots:K", "a", until + value.substr(space)});
  REQUIRE(is<lock::Held>(with_slots("c")));
  const std::string mended = server.command({"HMGET", "{ns}:slots:K", "a"});
  CHECK(std::stoll(mended) <= server_time() + 60'000);
  CHECK(mended.substr(mended.find(' ')) == value.substr(space));
}

TEST_CASE_FIXTURE(Clock,
                  "a pause that has more time left than its length ends one length from now; a pause until resume stays") {
  ask(lock::pause_call({"ns", "K"}, Millis(60'000), ""));
  backdate("paused_until", -ten_years);
  const auto decision = acquire("a");
  REQUIRE(is<lock::Paused>(decision));
  CHECK(as<lock::Paused>(decision).left == Millis(60'000));
  CHECK(std::stoll(field("paused_until")) <= server_time() + 60'000);
  ask(lock::pause_call({"ns", "K"}, {}, ""));
  CHECK_FALSE(as<lock::Paused>(acquire("b")).left);
  CHECK_FALSE(record().ahead);
}

TEST_CASE_FIXTURE(Clock, "starts in the future are stored as now and keep their fences, so that abandon finds them") {
  lock::Attempt made = attempt("a");
  made.needs.starts = 2;
  const std::vector<lock::Condition> limit{lock::MaxRuns{2, Millis(60'000)}};
  const lock::Grant mine = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, limit)), 1));
  const std::string old = "17";
  server.command({"DEL", "{ns}:starts:K"});
  const std::string aged = std::to_string(server_time() + ten_years);
  server.command({"RPUSH", "{ns}:starts:K", aged + " " + std::to_string(mine.fence), aged + " " + old});
  lock::Attempt next = attempt("b");
  next.needs.starts = 2;
  CHECK(check(limit).conditions[0].due == Millis(60'000));
  CHECK(is<lock::Held>(lock::decode_decision(ask(lock::acquire_call(next, limit)), 1)));
  const std::string first = server.command({"LINDEX", "{ns}:starts:K", "0"});
  const std::string second = server.command({"LINDEX", "{ns}:starts:K", "1"});
  for (const std::string& row : {first, second}) CHECK(std::stoll(row) <= server_time());
  CHECK(first.substr(first.find(' ')) == " " + std::to_string(mine.fence));
  CHECK(second.substr(second.find(' ')) == " " + old);
  abandon("a");
  CHECK(server.command({"LLEN", "{ns}:starts:K"}) == "1");
  CHECK(server.command({"LINDEX", "{ns}:starts:K", "0"}) == second);
}

TEST_CASE_FIXTURE(Clock, "a start in the future after one of now is stored as now, even if the fence is not ahead") {
  run(lock::Outcome::success);
  const std::int64_t time = server_time();
  server.command({"RPUSH", "{ns}:starts:K", std::to_string(time) + " 5", std::to_string(time + ten_years) + " 4"});
  const std::vector<lock::Condition> limit{lock::MaxRuns{2, Millis(60'000)}};
  CHECK(check(limit).ahead > Millis(ten_years / 2));
  lock::Attempt made = attempt("a");
  made.needs.starts = 2;
  CHECK(is<lock::Skipped>(lock::decode_decision(ask(lock::acquire_call(made, limit)), 1)));
  CHECK(std::stoll(server.command({"LINDEX", "{ns}:starts:K", "1"})) <= server_time());
}

TEST_CASE_FIXTURE(Clock, "a waiter counts as asleep for no longer than its longest sleep, and the index follows the clock") {
  run(lock::Outcome::success);
  set("waiters_until", std::to_string(server_time() + ten_years));
  server.command({"ZADD", "{ns}:index", std::to_string(server_time() + ten_years), "K"});
  grant("a");
  CHECK(std::stoll(field("waiters_until")) <= server_time() + 35'000);
  CHECK(std::stoll(server.command({"ZSCORE", "{ns}:index", "K"})) <= server_time());
}

TEST_CASE_FIXTURE(Clock, "fences still grow after the clock went back") {
  const lock::Grant first = grant("a");
  finish("a", first);
  backdate("fence", -ten_years);
  const std::int64_t ahead = std::stoll(field("fence"));
  CHECK(grant("b").fence == ahead + 1);
}
