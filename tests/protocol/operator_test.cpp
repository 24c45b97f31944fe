// What an operator changes: pause, resume, unlock, reset; and what he reads: list, history.
#include <algorithm>

#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Operator : Protocol {
  bool pause(std::optional<Millis> length, const std::string& reason = "") {
    // True if there was a record before.
    return lock::decode_pause(ask(lock::pause_call({"ns", "K"}, length, reason))).value();
  }
  bool resume() { return lock::decode_pause(ask(lock::resume_call({"ns", "K"}))).value(); }
  std::optional<lock::Held> unlock(bool at_once) {
    const auto answer = lock::decode_unlock(ask(lock::unlock_call({"ns", "K"}, at_once)));
    REQUIRE(answer.has_value());
    return answer.value();
  }
  std::variant<bool, lock::Held> reset() {
    const auto answer = lock::decode_reset(ask(lock::reset_call({"ns", "K"})));
    REQUIRE(answer.has_value());
    return answer.value();
  }
  // As backdate, for a field "time:operator".
  void backdate_word(const std::string& name, std::int64_t ms) {
    const std::string word = field(name);
    const std::size_t colon = word.find(':');
    set(name, std::to_string(std::stoll(word.substr(0, colon)) - ms) + word.substr(colon));
  }
  // Adds a job that was last used at `at`.
  void add_name(const std::string& key, std::int64_t at) {
    touch(lock::Outcome::success, key);
    server.command({"ZADD", "{ns}:index", std::to_string(at), key});
  }
  bool forgets() { return std::get<bool>(reset()); }
  lock::History history(std::int64_t limit = 20) {
    const lock::Job job{"ns", "K"};
    const auto answer = lock::decode_history(ask(lock::history_call(job, limit)), job);
    REQUIRE(answer.has_value());
    return answer.value();
  }
  lock::Names names(const lock::Names::Position& from, std::int64_t portion) {
    const auto answer = lock::decode_names(ask(lock::names_call("ns", from, portion)));
    REQUIRE(answer.has_value());
    return answer.value();
  }
  // Reads all names, in as many calls as needed.
  std::vector<std::string> all_names(std::int64_t portion) {
    std::vector<std::string> out;
    lock::Names some;
    while (!some.are_last()) {
      some = names(some.next, portion);
      out.insert(out.end(), some.keys.begin(), some.keys.end());
    }
    return out;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Operator, "pause: no run is granted until resume") {
  CHECK_FALSE(pause({}, "upgrade"));
  const auto decision = acquire("a", {lock::AccessedPrior{"other", Millis(1)}});
  REQUIRE(is<lock::Paused>(decision));
  CHECK(as<lock::Paused>(decision).why == "upgrade");
  CHECK_FALSE(as<lock::Paused>(decision).left);
  CHECK(record().skips == 1);
  CHECK(record().pause->why == "upgrade");
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "1");
  CHECK(resume());
  CHECK_FALSE(resume());
  CHECK_FALSE(record().pause);
  CHECK(field("paused_why") == "(nil)");
  grant("a");
}

TEST_CASE_FIXTURE(Operator, "pause: it ends after its time, to the millisecond, and a repeated pause counts anew") {
  CHECK_FALSE(pause(Millis(60'000), "a"));
  CHECK(pause(Millis(120'000)));
  auto decision = acquire("a");
  REQUIRE(is<lock::Paused>(decision));
  CHECK(*as<lock::Paused>(decision).left > Millis(60'000));
  CHECK(*as<lock::Paused>(decision).left <= Millis(120'000));
  CHECK(as<lock::Paused>(decision).why.empty());
  backdate("paused_until", 120'000);  // the pause ends now at the latest
  grant("a");
  CHECK_FALSE(resume());
  CHECK(field("paused_until") == "(nil)");
}

TEST_CASE_FIXTURE(Operator, "pause leaves a live run unchanged, and a refusal reports the live holder first") {
  const lock::Grant mine = grant("a");
  CHECK(pause({}));
  CHECK(is<lock::Held>(acquire("b")));
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  CHECK(grant("a").fence == mine.fence);  // a repeated request for an earlier grant
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().pause);
}

TEST_CASE_FIXTURE(Operator, "a forced run ignores a pause") {
  CHECK_FALSE(pause({}));
  const auto decision = lock::decode_decision(ask(lock::acquire_call(attempt("a"), {}, {.forced = true})), 0);
  CHECK(is<lock::Grant>(decision));
}

TEST_CASE_FIXTURE(Operator, "check reports a pause and writes nothing") {
  CHECK_FALSE(pause(Millis(60'000), "why"));
  const std::string before = server.command({"DUMP", "{ns}:job:K"});
  const auto answer = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, {lock::MinTime{Millis(1)}})), 1);
  REQUIRE(answer.value().pause);
  CHECK(answer.value().pause->why == "why");
  CHECK(answer.value().conditions[0].holds());
  CHECK(server.command({"DUMP", "{ns}:job:K"}) == before);
}

TEST_CASE_FIXTURE(Operator, "unlock without a holder, or with an expired one, does nothing") {
  CHECK_FALSE(unlock(false));
  CHECK_FALSE(record().known);
  grant("a");
  backdate("h_until", 61'000);
  CHECK_FALSE(unlock(false));
  CHECK_FALSE(unlock(true));
}

TEST_CASE_FIXTURE(Operator, "unlock: the lease cannot be renewed any more, but is held to its end") {
  const lock::Grant mine = grant("a");
  backdate("h_start", 5000);
  const auto held = unlock(false);
  REQUIRE(held);
  CHECK(held->who == "1 host-a");
  CHECK(held->since >= Millis(5000));
  CHECK(held->left > Millis(50'000));
  CHECK(unlock(false));  // again
  CHECK(is<lock::Held>(acquire("b")));
  CHECK(is<lock::Held>(acquire("a")));  // a repeated acquire does not extend it either
  CHECK(renew("a", mine) == lock::Renewal::revoked);
  CHECK(finish("a", mine, lock::Outcome::lost, 143) == lock::Recording::recorded);  // the run's own outcome counts
  CHECK(record().outcome == "lost");
  CHECK(record().holders.empty());
  const lock::Grant next = grant("b");
  CHECK(renew("b", next) == lock::Renewal::renewed);  // the next lease is not revoked
}

TEST_CASE_FIXTURE(Operator, "unlock --now: free at once, recorded as lost, and a late finish is superseded") {
  const lock::Grant mine = grant("a");
  REQUIRE(unlock(true));
  CHECK(record().holders.empty());
  CHECK(record().outcome == "lost");
  CHECK(record().failures_in_a_row == 1);
  CHECK(field("cut") == std::to_string(mine.fence));
  CHECK(renew("a", mine) == lock::Renewal::revoked);
  // Its command may still run, until the holder reports its end.
  REQUIRE(record().freed_until);
  CHECK(*record().freed_until > server_time() + 50'000);
  CHECK(record().freed.by == lock::this_operator());
  CHECK(finish("a", mine) == lock::Recording::superseded);
  CHECK_FALSE(record().freed_until);
  CHECK_FALSE(record().success_end);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "2");
  grant("b");
}

TEST_CASE_FIXTURE(Operator, "reset: the next run is like a first run, but the fence is greater") {
  run(lock::Outcome::success);
  run(lock::Outcome::failed);
  static_cast<void>(acquire("x", {lock::MinTime{Millis(86'400'000)}}));
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
  CHECK(why(lock::MinTime{Millis(86'400'000)}) == "holds");
  CHECK(why(lock::AccessedPrior{"K", Millis(86'400'000)}) == "never");
  CHECK(grant("a").fence > std::stoll(fence));
}

TEST_CASE_FIXTURE(Operator, "reset with nothing to forget writes nothing") {
  CHECK_FALSE(forgets());
  CHECK(server.command({"DBSIZE"}) == "0");
}

TEST_CASE_FIXTURE(Operator, "reset is refused while a lease is live, even a revoked one") {
  const lock::Grant mine = grant("a");
  const auto what = reset();
  REQUIRE(is<lock::Held>(what));
  CHECK(as<lock::Held>(what).who == "1 host-a");
  CHECK(as<lock::Held>(what).live == 1);
  unlock(false);
  CHECK(is<lock::Held>(reset()));
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(forgets());
}

TEST_CASE_FIXTURE(Operator, "reset: the holder of an expired lease has lost it, and its finish adds at most a row") {
  const lock::Grant mine = grant("a");
  backdate("h_until", 61'000);
  CHECK(forgets());
  CHECK(field("h_token") == "(nil)");
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(finish("a", mine) == lock::Recording::superseded);
  CHECK(field("ok_end") == "(nil)");
  CHECK(why(lock::MinTime{Millis(86'400'000)}) == "holds");
}

TEST_CASE_FIXTURE(Operator, "reset removes the holders of slots, too") {
  lock::Attempt one = attempt("a");
  one.slots = 2;
  REQUIRE(is<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(one, {})), 0)));
  const std::string holder = server.command({"HGET", "{ns}:slots:K", "a"});
  server.command({"HSET", "{ns}:slots:K", "a", "1" + holder.substr(holder.find(' '))});
  CHECK(forgets());
  CHECK(server.command({"EXISTS", "{ns}:slots:K"}) == "0");
  CHECK(field("h_slots") == "(nil)");
}

TEST_CASE_FIXTURE(Operator, "reset wakes a waiter, and does not forget the next run") {
  run(lock::Outcome::success);
  const std::string until = std::to_string(server_time() + 30'000);
  set("waiters_until", until);
  CHECK(forgets());
  CHECK(server.command({"LLEN", "{ns}:wake:K"}) == "1");
  CHECK(field("waiters_until") == until);
}

TEST_CASE_FIXTURE(Operator, "list returns every name, in portions of any size") {
  std::vector<std::string> wanted;
  for (int i = 0; i < 25; ++i) {
    wanted.push_back("k" + std::to_string(i));
    add_name(wanted.back(), 1000 + i / 4);  // four with the same time
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

TEST_CASE_FIXTURE(Operator, "list does not miss a name that is used meanwhile") {
  for (int i = 0; i < 6; ++i) add_name("k" + std::to_string(i), i + 1);
  const lock::Names first = names({}, 2);
  CHECK(first.keys.size() == 2);
  run(lock::Outcome::success, "k0");  // already read
  run(lock::Outcome::success, "k4");  // not read yet
  std::vector<std::string> rest;
  for (lock::Names some = first; !some.are_last();) {
    some = names(some.next, 2);
    rest.insert(rest.end(), some.keys.begin(), some.keys.end());
  }
  for (const char* name : {"k2", "k3", "k4", "k5"}) CHECK(std::count(rest.begin(), rest.end(), name) >= 1);
}

TEST_CASE_FIXTURE(Operator,
                  "list: if the last name of a portion is used meanwhile, the next portion continues after its old place") {
  for (int i = 0; i < 6; ++i) add_name("k" + std::to_string(i), i + 1);
  const lock::Names first = names({}, 2);
  run(lock::Outcome::success, "k1");
  CHECK(names(first.next, 2).keys == std::vector<std::string>{"k2", "k3"});
}

TEST_CASE_FIXTURE(Operator, "list: an index of another type is malformed") {
  server.command({"SET", "{ns}:index", "x"});
  const auto answer = lock::decode_names(ask(lock::names_call("ns")));
  REQUIRE(!answer.has_value());
  CHECK(answer.error().text ==
        "the record {ns}:index is malformed: holds another type of value (redis-cli DEL '{ns}:index' removes it)");
}

TEST_CASE_FIXTURE(Operator, "status reads many records at once, each with its own result") {
  run(lock::Outcome::success, "a");
  server.command({"SET", "{ns}:job:b", "x"});
  grant("t", {}, "d");
  const auto answer = lock::decode_records(ask(lock::records_call("ns", {"a", "b", "c", "d"})), 4);
  REQUIRE(answer.has_value());
  const auto& records = answer.value();
  REQUIRE(records.size() == 4);
  CHECK(records[0].value().outcome == "success");
  CHECK(records[1].error().fault == engine::Fault::malformed);
  CHECK_FALSE(records[2].value().known);
  REQUIRE(records[3].value().holders.size() == 1);
  CHECK(records[3].value().holders[0].who == "1 host-t");
  CHECK(records[0].value().now == records[3].value().now);
}

TEST_CASE_FIXTURE(Operator, "status: records that would make the reply too long come with the next call") {
  std::vector<std::string> keys;
  for (int k = 0; k < 200; ++k) {
    keys.push_back("k" + std::to_string(k));
    std::vector<std::string> holders{"HSET", "{ns}:slots:" + keys.back()};
    for (int i = 0; i < 300; ++i) holders.insert(holders.end(), {"t" + std::to_string(i), "1 1 1 1 0 w"});
    server.command(holders);
    set("v", "1", keys.back());
    set("h_slots", "300", keys.back());
  }
  std::size_t got = 0;
  int calls = 0;
  while (got < keys.size()) {
    const std::vector<std::string> rest(keys.begin() + static_cast<std::ptrdiff_t>(got), keys.end());
    const auto answer = lock::decode_records(ask(lock::records_call("ns", rest)), rest.size());
    REQUIRE(answer.has_value());
    for (const auto& record : answer.value()) {
      CHECK(record.value().holders.size() == 300);
      ++got;
    }
    ++calls;
  }
  CHECK(got == keys.size());
  CHECK(calls > 1);
}

TEST_CASE_FIXTURE(Operator, "an abandoned run leaves no record") {
  grant("a");
  CHECK(record().known);
  abandon("a");
  CHECK_FALSE(record().known);
  CHECK_FALSE(history().known);
}

TEST_CASE_FIXTURE(Operator, "history: newest first, as many as requested, touches and losses included") {
  run(lock::Outcome::success);
  run(lock::Outcome::timeout);
  touch(lock::Outcome::failed);
  grant("gone");
  backdate("h_until", 61'000);
  run(lock::Outcome::success);
  const lock::History all = history();
  REQUIRE(all.runs.size() == 5);
  const auto outcomes = [](const lock::History& history) {
    std::string out;
    for (const lock::HistoryEntry& run : history.runs) out += run.outcome + " ";
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

TEST_CASE_FIXTURE(Operator, "unlock --now: a later run is not told that an operator revoked its lease") {
  grant("a");
  REQUIRE(unlock(true));
  const lock::Grant next = grant("b");
  CHECK(record().freed_until);  // the first command may still run
  set("h_until", "1");
  grant("c");
  CHECK(renew("b", next) == lock::Renewal::lost);
  backdate("freed_until", 60'001);
  CHECK_FALSE(record().freed_until);
  set("h_until", "1");
  grant("d");
  CHECK(field("freed_until") == "(nil)");
  CHECK(field("freed_fence") == "(nil)");
  CHECK(field("freed_by") == "(nil)");
}

TEST_CASE_FIXTURE(Operator, "pause and unlock record who did it, and when") {
  const std::string me = lock::this_operator();
  pause(Millis(60'000));
  backdate_word("paused_by", 5000);
  REQUIRE(record().pause);
  CHECK(record().pause->by == me);
  CHECK(*record().pause->since >= Millis(5000));
  const auto refused = as<lock::Paused>(acquire("a"));
  CHECK(refused.by == me);
  CHECK(*refused.since >= Millis(5000));
  CHECK_FALSE(refused.all);
  resume();
  CHECK(field("paused_by") == "(nil)");
  const lock::Grant mine = grant("b");
  unlock(false);
  backdate_word("h_revoked", 5000);
  unlock(false);  // the first unlock counts
  REQUIRE(record().holders[0].revoked);
  CHECK(record().holders[0].revoked->by == me);
  CHECK(record().holders[0].revoked->at <= server_time() - 5000);
  CHECK(lock::revoked_by(ask(lock::renew_call(attempt("b"), mine))) == me);
  CHECK_FALSE(record().revoked);
  finish("b", mine, lock::Outcome::lost, 143);
  REQUIRE(record().revoked);  // the operator of the last run's lease
  CHECK(record().revoked->by == me);
  run(lock::Outcome::failed);
  CHECK_FALSE(record().revoked);
  grant("c");
  unlock(true);
  CHECK(record().revoked.value_or(lock::Intervention{}).by == me);
}

TEST_CASE_FIXTURE(Operator, "pause --all: no key is granted until resume --all, and no record changes") {
  touch(lock::Outcome::success);
  const auto all = [&](std::optional<Millis> length) {
    return lock::decode_pause(ask(lock::pause_all_call("ns", length, "move"))).value();
  };
  const auto resume_all = [&] { return lock::decode_pause(ask(lock::resume_all_call("ns"))).value(); };
  const std::string before = server.command({"HGETALL", "{ns}:job:K"});
  CHECK_FALSE(resume_all());
  CHECK(all({}));
  CHECK(server.command({"HGETALL", "{ns}:job:K"}) == before);
  for (const char* key : {"K", "never run"}) {
    const auto refused = as<lock::Paused>(acquire(std::string("a") + key, {}, key));
    CHECK(refused.all);
    CHECK(refused.why == "move");
    CHECK(refused.by == lock::this_operator());
    CHECK_FALSE(refused.left);
    CHECK(record(key).pause->all);
  }
  const auto checked = lock::decode_verdicts(ask(lock::check_call({"ns", "K"}, {})), 0);
  REQUIRE(checked.value().pause);
  CHECK(checked.value().pause->all);
  const auto forced = lock::decode_decision(ask(lock::acquire_call(attempt("f"), {}, {.forced = true})), 0);
  REQUIRE(is<lock::Grant>(forced));
  finish("f", as<lock::Grant>(forced));
  CHECK(is<lock::Paused>(acquire("other namespace's")));
  CHECK(resume_all());
  CHECK_FALSE(resume_all());
  grant("b");
}

TEST_CASE_FIXTURE(Operator, "pause --all and the pause of a key: the later end is shown, and each ends by itself") {
  const auto all = [&](std::optional<Millis> length) { ask(lock::pause_all_call("ns", length, "all")); };
  all(Millis(60'000));
  pause(Millis(90'000), "own");
  CHECK(as<lock::Paused>(acquire("a")).why == "own");
  CHECK(record().pause->why == "own");
  all({});
  CHECK(as<lock::Paused>(acquire("b")).why == "all");
  CHECK(record().pause->why == "all");
  ask(lock::resume_all_call("ns"));
  CHECK(as<lock::Paused>(acquire("c")).why == "own");
  all(Millis(60'000));
  resume();
  CHECK(as<lock::Paused>(acquire("d")).why == "all");
  const std::string ended = std::to_string(server_time() - 1);
  server.command({"HSET", "{ns}:pause", "paused_until", ended});
  grant("e");
}

TEST_CASE_FIXTURE(Operator,
                  "pause --all: a pause that has more time left than its length ends one length from now, once stored") {
  ask(lock::pause_all_call("ns", Millis(60'000), ""));
  server.command({"HSET", "{ns}:pause", "paused_until", std::to_string(server_time() + 1'000'000'000)});
  CHECK(record().pause.value_or(lock::Paused{}).left.value_or(Millis(0)) <= Millis(60'000));
  CHECK(as<lock::Paused>(acquire("a")).left == Millis(60'000));
  CHECK(std::stoll(server.command({"HGET", "{ns}:pause", "paused_until"})) <= server_time() + 60'000);
}

TEST_CASE_FIXTURE(Operator, "pause --all: a key of another type is malformed, and resume --all removes it") {
  server.command({"RPUSH", "{ns}:pause", "x"});
  CHECK(acquire("a").error().fault == engine::Fault::malformed);
  CHECK(lock::decode_pause(ask(lock::pause_all_call("ns", {}, ""))).error().fault == engine::Fault::malformed);
  CHECK(lock::decode_pause(ask(lock::resume_all_call("ns"))).value());
  server.command({"HSET", "{ns}:pause", "paused_until", "soon"});
  CHECK(acquire("b").error().fault == engine::Fault::malformed);
  CHECK(lock::decode_pause(ask(lock::resume_all_call("ns"))).value());
  grant("c");
}

TEST_CASE_FIXTURE(Operator,
                  "the last refusal is recorded with time, run and reason; every refusal counts once for each token") {
  CHECK_FALSE(record().last_refusal);
  const std::vector<lock::Condition> conditions{lock::AccessedPrior{"other", Millis(60'000)}};
  CHECK(is<lock::Skipped>(acquire("a", conditions)));
  CHECK(is<lock::Skipped>(acquire("a", conditions)));
  REQUIRE(record().last_refusal);
  CHECK(record().last_refusal->who == "1 host-a");
  CHECK(record().last_refusal->why == "other has not run yet, needs a success at most 1m ago");
  CHECK(record().refusals == 1);
  grant("b");
  CHECK(is<lock::Held>(acquire("c", conditions)));  // held is reported first
  CHECK(record().last_refusal->why == "held by host-b (pid 1)");
  ask(lock::unlock_call({"ns", "K"}, true));
  CHECK(record().skips == 0);
  CHECK(record().refusals == 2);
  pause({}, std::string(64, 'x'));
  CHECK(is<lock::Paused>(acquire("d")));
  CHECK(field("refused_why") ==
        ("paused " + lock::this_operator() + " " + std::string(64, 'x')).substr(0, 64));  // cut to 64 bytes
  set("refused_at", std::to_string(server_time() + 100'000));
  const lock::Record mended = record();
  CHECK(mended.last_refusal->at <= mended.now);  // a time in the future counts as now
  reset();
  CHECK(record().refusals == 0);
  CHECK_FALSE(record().last_refusal);
}

TEST_CASE_FIXTURE(Operator, "reset --older-than deletes an idle record that is unused for so long, with its fence") {
  const auto prune = [&](Millis length) {
    const auto answer = lock::decode_reset(ask(lock::prune_call({"ns", "K"}, length)));
    REQUIRE(answer.has_value());
    return answer.value();
  };
  const auto pruned = [&](Millis length) { return std::get<bool>(prune(length)); };
  const auto age = [&](std::int64_t ms) {
    backdate("ended", ms);
    server.command({"ZADD", "{ns}:index", std::to_string(server_time() - ms), "K"});
  };
  CHECK_FALSE(pruned(Millis(1000)));  // there is no record
  run(lock::Outcome::success);
  age(10'000);
  CHECK_FALSE(pruned(Millis(20'000)));
  pause({});
  age(10'000);
  CHECK_FALSE(pruned(Millis(5000)));  // paused
  resume();
  CHECK(is<lock::Skipped>(acquire("s", {lock::MinTime{Millis(3'600'000)}})));
  age(10'000);
  CHECK_FALSE(pruned(Millis(5000)));  // a skip is a use
  backdate("refused_at", 10'000);
  const lock::Grant mine = grant("a");
  age(10'000);
  CHECK(std::holds_alternative<lock::Held>(prune(Millis(5000))));
  backdate("h_until", 61'000);
  CHECK_FALSE(pruned(Millis(5000)));  // lost a second ago
  CHECK(pruned(Millis(500)));         // and it never finished
  CHECK(field("h_token") == "(nil)");
  finish("a", mine);
  age(10'000);
  CHECK(pruned(Millis(5000)));
  for (const char* key : {"{ns}:job:K", "{ns}:runs:K", "{ns}:slots:K", "{ns}:starts:K", "{ns}:once:K"}) {
    CHECK(server.command({"EXISTS", key}) == "0");
  }
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "0");
}

TEST_CASE_FIXTURE(
    Operator, "forget-after: all keys of the job expire after the time without a use, but not before a lease or a pause") {
  if (!server.is_redis()) return;  // other engines cannot be asked when a key expires
  const auto left = [&](const std::string& kind) { return std::stoll(server.command({"PTTL", "{ns}:" + kind + ":K"})); };
  const auto about = [](std::int64_t ms) { return [ms](std::int64_t value) { return value > ms - 5000 && value <= ms; }; };
  const auto run_with = [&](const std::string& token, std::optional<Millis> forget_after) {
    lock::Attempt made = attempt(token);
    made.forget_after = forget_after;
    made.needs.starts = 5;
    made.needs.once = token;
    const std::vector<lock::Condition> conditions{lock::MaxRuns{5, Millis(1000)}};
    const auto decision = lock::decode_decision(ask(lock::acquire_call(made, conditions)), 1);
    REQUIRE(is<lock::Grant>(decision));
    CHECK((!forget_after || forget_after == Millis(0) || about(160'000)(left("job"))));  // the lease, then this time
    const auto grant = as<lock::Grant>(decision);
    REQUIRE(lock::decode_recording(ask(lock::finish_call(made, grant, lock::Outcome::success, 0))).has_value());
  };
  run_with("a", Millis(100'000));
  for (const char* kind : {"job", "runs", "starts", "once"}) {
    CAPTURE(kind);
    CHECK(about(100'000)(left(kind)));
  }
  CHECK(record().forget_after == Millis(100'000));
  // Each use starts the time again, even without the option.
  for (const char* kind : {"job", "runs", "starts", "once"}) {
    server.command({"PEXPIRE", std::string("{ns}:") + kind + ":K", "50000"});
  }
  run_with("b", std::nullopt);
  CHECK(about(100'000)(left("job")));
  CHECK(about(100'000)(left("once")));
  CHECK(is<lock::Skipped>(acquire("s", {lock::MinTime{Millis(3'600'000)}})));
  CHECK(about(100'000)(left("job")));
  pause(Millis(1'000'000));
  CHECK(about(1'100'000)(left("job")));
  pause({});
  CHECK(left("job") > 1'000'000'000'000);
  resume();
  CHECK(about(100'000)(left("runs")));
  run_with("c", Millis(0));  // never
  CHECK(left("job") > 1'000'000'000'000);
  CHECK_FALSE(record().forget_after);
}

TEST_CASE_FIXTURE(Operator, "forget-after: a record outlasts the lease that unlock --now removed") {
  if (!server.is_redis()) return;
  lock::Attempt made = attempt("a");
  made.forget_after = Millis(1000);
  REQUIRE(is<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0)));
  ask(lock::unlock_call({"ns", "K"}, true));
  CHECK(std::stoll(server.command({"PTTL", "{ns}:job:K"})) > 55'000);  // of the lease of 60 s
}

TEST_CASE_FIXTURE(Operator,
                  "forget-after: list omits names whose records have expired, and later runs remove them from the index") {
  for (int i = 0; i < 30; ++i) touch(lock::Outcome::success, "gone" + std::to_string(i));
  for (int i = 0; i < 30; ++i) server.command({"DEL", "{ns}:job:gone" + std::to_string(i)});
  touch(lock::Outcome::success, "kept");
  CHECK(all_names(7) == std::vector<std::string>{"kept"});
  lock::Attempt made = attempt("a");
  made.forget_after = Millis(100'000);
  for (int i = 0; i < 200 && server.command({"ZCARD", "{ns}:index"}) != "2"; ++i) {
    made.token = "a" + std::to_string(i);
    const auto grant = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(made, {})), 0));
    REQUIRE(lock::decode_recording(ask(lock::finish_call(made, grant, lock::Outcome::success, 0))).has_value());
  }
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "2");
}

TEST_CASE_FIXTURE(Operator, "history: an invalid row is malformed") {
  run(lock::Outcome::success);
  for (const char* row : {"", "x", "1 2 3 success 0", "a 2 3 success 0 w", "1 2 3 success x w", "1 2 3 odd 0 w",
                          "1 2 3 \x1b[31msuccess 0 w", "1 0 1400000000000000000 success 0 w",
                          "1 -9000000000000000000 3 success 0 w", "-1 2 3 success 0 w", "1 2 3 success -1 w"}) {
    server.command({"LPUSH", "{ns}:runs:K", row});
    const lock::Job job{"ns", "K"};
    const auto answer = lock::decode_history(ask(lock::history_call(job, 1)), job);
    REQUIRE(!answer.has_value());
    CHECK(answer.error().fault == engine::Fault::malformed);
  }
}
