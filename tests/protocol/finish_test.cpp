#include "protocol/protocol.hpp"

using namespace condolock;

TEST_CASE_FIXTURE(Protocol, "finish records a success, releases the lease and retires the token") {
  const lock::Grant mine = grant("a");
  backdate("h_start", 5000);
  CHECK(finish("a", {mine.fence, mine.start - 5000, {}}) == lock::Recording::recorded);
  const lock::Record seen = record();
  CHECK(seen.success_start == mine.start - 5000);
  CHECK(*seen.success_end >= mine.start);
  CHECK(seen.ended == seen.success_end);
  CHECK(seen.outcome == "success");
  CHECK(seen.code == 0);
  CHECK(*seen.took >= 5000);
  CHECK(seen.runs == 1);
  CHECK(seen.failures_in_a_row == 0);
  CHECK_FALSE(seen.failed_at);
  CHECK(seen.holders.empty());
  CHECK(field("h_who") == "(nil)");
  CHECK(runs() == std::to_string(mine.fence) + " " + std::to_string(mine.start - 5000) + " " + std::to_string(*seen.ended) +
                      " success 0 1 host-a");
  CHECK(grant("b").last_success == mine.start - 5000);
}

TEST_CASE_FIXTURE(Protocol,
                  "a run that waited for what its command left is recorded with the command's end, never before its start") {
  const lock::Grant mine = grant("a");
  backdate("h_start", 5000);
  const lock::Grant earlier{mine.fence, mine.start - 5000, {}};
  SUBCASE("an age within the run") {
    ask(lock::finish_call(attempt("a"), earlier, lock::Outcome::success, 0, Millis(3000)));
    CHECK(*record().success_end >= mine.start - 3000);
    CHECK(*record().success_end < mine.start);
    CHECK(*record().took < 5000);
  }
  SUBCASE("an age longer than the run") {
    ask(lock::finish_call(attempt("a"), earlier, lock::Outcome::success, 0, Millis(3'600'000)));
    CHECK(record().success_end == mine.start - 5000);
  }
}

TEST_CASE_FIXTURE(Protocol, "failures count in a row until the next success, and leave the success unchanged") {
  run(lock::Outcome::success);
  const lock::Record before = record();
  run(lock::Outcome::failed);
  run(lock::Outcome::timeout);
  CHECK(record().failures_in_a_row == 2);
  CHECK(record().failures == 2);
  CHECK(record().failed_at == record().ended);
  CHECK(record().outcome == "timeout");
  CHECK(record().code == 1);
  CHECK(record().success_end == before.success_end);
  run(lock::Outcome::success);
  CHECK(record().failures_in_a_row == 0);
  CHECK(record().failures == 2);
  CHECK(record().runs == 4);
}

TEST_CASE_FIXTURE(Protocol, "a repeated finish gets the same answer and writes nothing more") {
  const lock::Grant mine = grant("a");
  CHECK(finish("a", mine) == lock::Recording::recorded);
  const std::string once = server.command({"DUMP", "{ns}:job:K"});
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(finish("a", mine, lock::Outcome::failed, 1) == lock::Recording::recorded);
  CHECK(server.command({"DUMP", "{ns}:job:K"}) == once);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "1");
}

TEST_CASE_FIXTURE(Protocol, "an acquire that arrives after its own finish is not granted, not even four runs later") {
  finish("a", grant("a"));
  for (int i = 0; i < 4; ++i) run(lock::Outcome::success);
  const engine::Reply late = ask(lock::acquire_call(attempt("a"), {}));
  CHECK(late.answer.value() == engine::Values{"retired", "recorded"});
  CHECK(field("h_token") == "(nil)");
}

TEST_CASE_FIXTURE(Protocol, "retired tokens are removed after a minute, and idle jobs keep none") {
  finish("a", grant("a"));
  server.command({"ZADD", "{ns}:retired:K", "1000", "old recorded"});
  finish("b", grant("b"));
  CHECK(server.command({"ZCARD", "{ns}:retired:K"}) == "2");
  CHECK(server.command({"ZSCORE", "{ns}:retired:K", "old recorded"}) == "(nil)");
  CHECK(std::stoi(server.command({"PTTL", "{ns}:retired:K"})) > 50'000);
}

TEST_CASE_FIXTURE(Protocol, "a late finish is recorded if no other run took the lease") {
  const lock::Grant mine = grant("a");
  backdate("h_until", 100'000);
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().failures == 0);
}

TEST_CASE_FIXTURE(Protocol, "a finish after a later grant adds a row, and leaves the newer run's record unchanged") {
  const lock::Grant old = grant("a");
  backdate("h_until", 61'000);
  const lock::Grant newer = grant("b");
  CHECK(finish("a", old) == lock::Recording::superseded);
  CHECK(finish("a", old) == lock::Recording::superseded);
  CHECK_FALSE(record().success_end);
  CHECK(record().outcome == "lost");
  CHECK(record().failures == 1);
  CHECK(field("h_token") == "b");
  CHECK(runs().find(" superseded 0 1 host-a") != std::string::npos);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "2");  // lost, superseded
  CHECK(finish("b", newer) == lock::Recording::recorded);
  CHECK(*record().success_start == newer.start);
}

// Found by the simulation: it was recorded, although another run had come since.
TEST_CASE_FIXTURE(Protocol,
                  "superseded, and the token holds a second lease from a repeated acquire: finish releases that, too") {
  const lock::Grant mine = grant("a");
  while (server_time() <= mine.start) {
  }
  backdate("h_until", 61'000);
  finish("b", grant("b"), lock::Outcome::failed, 1);
  grant("a");
  const std::string ended = field("ended");
  CHECK(finish("a", mine) == lock::Recording::superseded);
  CHECK(field("h_token") == "(nil)");
  CHECK(field("ok_end") == "(nil)");
  CHECK(field("ended") == ended);
  CHECK(finish("a", mine) == lock::Recording::superseded);
}

TEST_CASE_FIXTURE(Protocol, "a finish after a loss of data is recorded if no run has come since") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().fence == mine.fence);
  CHECK(grant("b").fence > mine.fence);
}

TEST_CASE_FIXTURE(Protocol, "abandon releases the lease, records no run, and retires the token") {
  const lock::Grant mine = grant("a");
  abandon("a");
  abandon("a");
  CHECK(record().holders.empty());
  CHECK(record().runs == 0);
  CHECK(field("fence") == std::to_string(mine.fence));
  CHECK(server.command({"EXISTS", "{ns}:runs:K"}) == "0");
  CHECK(ask(lock::acquire_call(attempt("a"), {})).answer.value() == engine::Values{"retired", "abandoned"});
  CHECK(grant("b").fence > mine.fence);
}

TEST_CASE_FIXTURE(Protocol, "an acquire that arrives after its own abandon is not granted") {
  abandon("a");
  CHECK(ask(lock::acquire_call(attempt("a"), {})).answer.value() == engine::Values{"retired", "abandoned"});
  CHECK_FALSE(record().known);
}

TEST_CASE_FIXTURE(Protocol, "abandon leaves another holder's lease unchanged") {
  grant("a");
  abandon("b");
  CHECK(field("h_token") == "a");
}

TEST_CASE_FIXTURE(Protocol, "touch records a run of zero length, without lease and fence") {
  touch(lock::Outcome::success);
  CHECK(record().success_end == record().success_start);
  CHECK(record().took == 0);
  CHECK(record().runs == 1);
  CHECK_FALSE(record().fence);
  touch(lock::Outcome::failed);
  CHECK(record().failures_in_a_row == 1);
  CHECK(record().outcome == "failed");
  CHECK(runs().find("0 ") == 0);
}

TEST_CASE_FIXTURE(Protocol, "touch leaves a live run unchanged") {
  const lock::Grant mine = grant("a");
  const std::string until = field("h_until");
  touch(lock::Outcome::failed);
  CHECK(field("h_token") == "a");
  CHECK(field("h_until") == until);
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(record().runs == 2);
}

TEST_CASE_FIXTURE(Protocol, "a repeated touch counts once") {
  const engine::Call call = lock::touch_call(attempt("same"), lock::Outcome::failed, 1);
  ask(call);
  ask(call);
  CHECK(record().failures == 1);
}

TEST_CASE_FIXTURE(Protocol, "the history has a maximum of rows, newest first, and none with a maximum of 0") {
  for (int i = 0; i < 25; ++i) run(lock::Outcome::success);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "20");
  CHECK(runs().find(std::to_string(*record().fence)) == 0);
  lock::Attempt none = attempt("none");
  none.history_limit = 0;
  const auto decision = lock::decode_decision(ask(lock::acquire_call(none, {})), 0);
  ask(lock::finish_call(none, as<lock::Grant>(decision), lock::Outcome::success, 0));
  CHECK(server.command({"EXISTS", "{ns}:runs:K"}) == "0");
}

TEST_CASE_FIXTURE(Protocol, "a finish repeated after its token has expired gets the same answer, and counts once") {
  const lock::Grant mine = grant("a");
  finish("a", mine);
  const auto before = record();
  server.command({"DEL", "{ns}:retired:K"});
  CHECK(finish("a", mine) == lock::Recording::recorded);
  CHECK(record().runs == 1);
  CHECK(record().success_end == before.success_end);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "1");
}

TEST_CASE_FIXTURE(Protocol, "a live holder keeps its lease when another run finishes, whatever the fences are") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  grant("b");
  set("fence", "5");  // the clock had gone back, too
  set("h_fence", "5");
  CHECK(finish("a", mine) == lock::Recording::superseded);
  CHECK(field("h_token") == "b");
}
