// What people do to a job by hand: pause, resume, unlock, reset; and what they look at: list, history.
#include <algorithm>

#include "protocol/protocol.hpp"

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
  std::variant<bool, Held> reset() {
    const auto answer = decode_reset(ask(reset_call({"ns", "K"})));
    REQUIRE(std::holds_alternative<std::variant<bool, Held>>(answer));
    return std::get<std::variant<bool, Held>>(answer);
  }
  bool forgets() { return std::get<bool>(reset()); }
  History history(std::int64_t limit = 20) {
    const Job job{"ns", "K"};
    const auto answer = decode_history(ask(history_call(job, limit)), job);
    REQUIRE(std::holds_alternative<History>(answer));
    return std::get<History>(answer);
  }
  Names names(const std::string& from, std::int64_t portion) {
    const auto answer = decode_names(ask(names_call("ns", from, portion)));
    REQUIRE(std::holds_alternative<Names>(answer));
    return std::get<Names>(answer);
  }
  // All, by as many calls as it takes.
  std::vector<std::string> all_names(std::int64_t portion) {
    std::vector<std::string> out;
    Names some{{}, "-inf"};
    while (!some.on.empty()) {
      some = names(some.on, portion);
      out.insert(out.end(), some.keys.begin(), some.keys.end());
    }
    return out;
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

TEST_CASE_FIXTURE(Operator, "reset: a first run again, but the fence grows on") {
  run(Outcome::success);
  run(Outcome::failed);
  acquire("x", {MinTime{Millis(86'400'000)}});
  CHECK(pause({}, "why"));
  server.command({"ZADD", "{ns}:once:K", "1", "id"});
  server.command({"RPUSH", "{ns}:starts:K", "1 1"});
  set("colour", "blue");  // a later version's field
  const std::string fence = field("fence");
  CHECK(forgets());
  CHECK_FALSE(record().known);
  CHECK_FALSE(history().known);
  CHECK(field("fence") == fence);
  CHECK(field("cut") == fence);
  CHECK(field("colour") == "blue");
  CHECK(server.command({"HKEYS", "{ns}:job:K"}).find("ended") == std::string::npos);
  for (const char* key : {"{ns}:runs:K", "{ns}:once:K", "{ns}:starts:K"}) CHECK(server.command({"EXISTS", key}) == "0");
  CHECK(all_names(10).empty());
  CHECK_FALSE(forgets());
  CHECK(why(MinTime{Millis(86'400'000)}) == "holds");
  CHECK(why(AccessedPrior{"K", Millis(86'400'000)}) == "never");
  CHECK(grant("a").fence > std::stoll(fence));
}

TEST_CASE_FIXTURE(Operator, "reset: nothing to forget writes nothing") {
  CHECK_FALSE(forgets());
  CHECK(server.command({"DBSIZE"}) == "0");
}

TEST_CASE_FIXTURE(Operator, "reset: refused while a lease is live, also one that is revoked") {
  const Grant mine = grant("a");
  const auto what = reset();
  REQUIRE(std::holds_alternative<Held>(what));
  CHECK(std::get<Held>(what).who == "1 host-a");
  CHECK(std::get<Held>(what).live == 1);
  unlock(false);
  CHECK(std::holds_alternative<Held>(reset()));
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(forgets());
}

TEST_CASE_FIXTURE(Operator, "reset: who held an expired lease has lost it, and what it reports is a row at most") {
  const Grant mine = grant("a");
  backdate("h_until", 61'000);
  CHECK(forgets());
  CHECK(field("h_token") == "(nil)");
  CHECK(renew("a", mine) == Renewal::lost);
  CHECK(finish("a", mine) == Recording::superseded);
  CHECK(field("ok_end") == "(nil)");
  CHECK(why(MinTime{Millis(86'400'000)}) == "holds");
}

TEST_CASE_FIXTURE(Operator, "reset: holders of slots go too") {
  Attempt one = attempt("a");
  one.slots = 2;
  REQUIRE(std::holds_alternative<Grant>(decode_decision(ask(acquire_call(one, {})), 0)));
  const std::string holder = server.command({"HGET", "{ns}:slots:K", "a"});
  server.command({"HSET", "{ns}:slots:K", "a", "1" + holder.substr(holder.find(' '))});
  CHECK(forgets());
  CHECK(server.command({"EXISTS", "{ns}:slots:K"}) == "0");
  CHECK(field("h_slots") == "(nil)");
}

TEST_CASE_FIXTURE(Operator, "reset: wakes a waiter, and the next is not forgotten") {
  run(Outcome::success);
  set("waiters_until", "9007199254740000");
  CHECK(forgets());
  CHECK(server.command({"LLEN", "{ns}:wake:K"}) == "1");
  CHECK(field("waiters_until") == "9007199254740000");
}

TEST_CASE_FIXTURE(Operator, "list: every name, in portions of any size") {
  std::vector<std::string> wanted;
  for (int i = 0; i < 25; ++i) {
    wanted.push_back("k" + std::to_string(i));
    server.command({"ZADD", "{ns}:index", std::to_string(1000 + i / 4), wanted.back()});  // four of the same time
  }
  std::sort(wanted.begin(), wanted.end());
  for (const std::int64_t portion : {1, 2, 3, 4, 7, 24, 25, 26, 5000}) {
    CAPTURE(portion);
    auto got = all_names(portion);
    std::sort(got.begin(), got.end());
    got.erase(std::unique(got.begin(), got.end()), got.end());
    CHECK(got == wanted);
  }
}

TEST_CASE_FIXTURE(Operator, "list: a name that is used meanwhile is not missed") {
  for (int i = 0; i < 6; ++i) server.command({"ZADD", "{ns}:index", std::to_string(i + 1), "k" + std::to_string(i)});
  Names first = names("-inf", 2);
  CHECK(first.keys.size() >= 2);
  run(Outcome::success, "k0");  // seen already
  run(Outcome::success, "k4");  // not seen yet
  std::vector<std::string> rest;
  for (std::string on = first.on; !on.empty();) {
    const Names some = names(on, 2);
    rest.insert(rest.end(), some.keys.begin(), some.keys.end());
    on = some.on;
  }
  for (const char* name : {"k2", "k3", "k4", "k5"}) CHECK(std::count(rest.begin(), rest.end(), name) >= 1);
}

TEST_CASE_FIXTURE(Operator, "list: an index of another type") {
  server.command({"SET", "{ns}:index", "x"});
  const auto answer = decode_names(ask(names_call("ns")));
  REQUIRE(std::holds_alternative<Failure>(answer));
  CHECK(std::get<Failure>(answer).text == "the record {ns}:index is malformed: holds another type of value");
}

TEST_CASE_FIXTURE(Operator, "records: many at once, each for itself") {
  run(Outcome::success, "a");
  server.command({"SET", "{ns}:job:b", "x"});
  grant("t", {}, "d");
  const auto answer = decode_records(ask(records_call("ns", {"a", "b", "c", "d"})), 4);
  REQUIRE(std::holds_alternative<std::vector<Answered<Record>>>(answer));
  const auto& records = std::get<std::vector<Answered<Record>>>(answer);
  REQUIRE(records.size() == 4);
  CHECK(std::get<Record>(records[0]).outcome == "success");
  CHECK(std::get<Failure>(records[1]).fault == Fault::malformed);
  CHECK_FALSE(std::get<Record>(records[2]).known);
  REQUIRE(std::get<Record>(records[3]).holders.size() == 1);
  CHECK(std::get<Record>(records[3]).holders[0].who == "1 host-t");
  CHECK(std::get<Record>(records[0]).now == std::get<Record>(records[3]).now);
}

TEST_CASE_FIXTURE(Operator, "records: those that would make the answer too long come with the next") {
  std::vector<std::string> keys;
  for (int k = 0; k < 200; ++k) {
    keys.push_back("k" + std::to_string(k));
    std::vector<std::string> holders{"HSET", "{ns}:slots:" + keys.back()};
    for (int i = 0; i < 300; ++i) holders.insert(holders.end(), {"t" + std::to_string(i), "1 1 1 0 w"});
    server.command(holders);
    set("v", "1", keys.back());
    set("h_slots", "300", keys.back());
  }
  std::size_t got = 0;
  int calls = 0;
  while (got < keys.size()) {
    const std::vector<std::string> rest(keys.begin() + static_cast<std::ptrdiff_t>(got), keys.end());
    const auto answer = decode_records(ask(records_call("ns", rest)), rest.size());
    REQUIRE(std::holds_alternative<std::vector<Answered<Record>>>(answer));
    for (const auto& record : std::get<std::vector<Answered<Record>>>(answer)) {
      CHECK(std::get<Record>(record).holders.size() == 300);
      ++got;
    }
    ++calls;
  }
  CHECK(got == keys.size());
  CHECK(calls > 1);
}

TEST_CASE_FIXTURE(Operator, "a run that was given back leaves no record") {
  grant("a");
  CHECK(record().known);
  abandon("a");
  CHECK_FALSE(record().known);
  CHECK_FALSE(history().known);
}

TEST_CASE_FIXTURE(Operator, "history: newest first, as many as asked for, touches and losses too") {
  run(Outcome::success);
  run(Outcome::timeout);
  touch(Outcome::failed);
  grant("gone");
  backdate("h_until", 61'000);
  run(Outcome::success);
  const History all = history();
  REQUIRE(all.runs.size() == 5);
  const auto outcomes = [](const History& history) {
    std::string out;
    for (const Ended& run : history.runs) out += run.outcome + " ";
    return out;
  };
  CHECK(outcomes(all) == "success lost failed timeout success ");
  CHECK(all.runs[2].fence == 0);
  CHECK(all.runs[2].code == 0);
  CHECK_FALSE(all.runs[1].code);
  CHECK(all.runs[0].fence > all.runs[1].fence);
  CHECK(all.runs[0].start <= all.runs[0].end);
  CHECK(all.runs[1].who == "1 host-gone");
  CHECK(outcomes(history(2)) == "success lost ");
}

TEST_CASE_FIXTURE(Operator, "history: a row that is no run") {
  run(Outcome::success);
  for (const char* row : {"", "x", "1 2 3 success 0", "a 2 3 success 0 w", "1 2 3 success x w", "1 2 3 odd 0 w",
                          "1 2 3 \x1b[31msuccess 0 w", "1 0 1400000000000000000 success 0 w",
                          "1 -9000000000000000000 3 success 0 w", "-1 2 3 success 0 w", "1 2 3 success -1 w"}) {
    server.command({"LPUSH", "{ns}:runs:K", row});
    const Job job{"ns", "K"};
    const auto answer = decode_history(ask(history_call(job, 1)), job);
    REQUIRE(std::holds_alternative<Failure>(answer));
    CHECK(std::get<Failure>(answer).fault == Fault::malformed);
  }
}
