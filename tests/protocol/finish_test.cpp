#include "protocol/protocol.hpp"

using namespace condolock;

TEST_CASE_FIXTURE(Protocol, "a success is recorded, the lease released, the token retired") {
  const Grant mine = grant("a");
  backdate("h_start", 5000);
  CHECK(finish("a", {mine.fence, mine.start - 5000, {}}) == Recording::recorded);
  const Record seen = record();
  CHECK(seen.success_start == mine.start - 5000);
  CHECK(*seen.success_end >= mine.start);
  CHECK(seen.ended == seen.success_end);
  CHECK(seen.outcome == "success");
  CHECK(seen.code == 0);
  CHECK(*seen.took >= 5000);
  CHECK(seen.runs == 1);
  CHECK(seen.fails == 0);
  CHECK_FALSE(seen.failed_at);
  CHECK(seen.holders.empty());
  CHECK(field("h_who") == "(nil)");
  CHECK(runs() == std::to_string(mine.fence) + " " + std::to_string(mine.start - 5000) + " " + std::to_string(*seen.ended) +
                      " success 0 1 host-a");
  CHECK(grant("b").last_success == mine.start - 5000);
}

TEST_CASE_FIXTURE(Protocol, "failures count in a row until the next success, which they don't touch") {
  run(Outcome::success);
  const Record before = record();
  run(Outcome::failed);
  run(Outcome::timeout);
  CHECK(record().fails == 2);
  CHECK(record().failures == 2);
  CHECK(record().failed_at == record().ended);
  CHECK(record().outcome == "timeout");
  CHECK(record().code == 1);
  CHECK(record().success_end == before.success_end);
  run(Outcome::success);
  CHECK(record().fails == 0);
  CHECK(record().failures == 2);
  CHECK(record().runs == 4);
}

TEST_CASE_FIXTURE(Protocol, "asked again, finish gives the same answer and writes nothing more") {
  const Grant mine = grant("a");
  CHECK(finish("a", mine) == Recording::recorded);
  const std::string once = server.command({"DUMP", "{ns}:job:K"});
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(finish("a", mine, Outcome::failed, 1) == Recording::recorded);
  CHECK(server.command({"DUMP", "{ns}:job:K"}) == once);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "1");
}

TEST_CASE_FIXTURE(Protocol, "an acquire that arrives after its own finish is never a grant, also four runs later") {
  finish("a", grant("a"));
  for (int i = 0; i < 4; ++i) run(Outcome::success);
  const Reply late = ask(acquire_call(attempt("a"), {}));
  CHECK(std::get<Values>(late.answer) == Values{"retired", "recorded"});
  CHECK(field("h_token") == "(nil)");
}

TEST_CASE_FIXTURE(Protocol, "retired tokens are dropped after a minute, and idle jobs keep none") {
  finish("a", grant("a"));
  server.command({"ZADD", "{ns}:retired:K", "1000", "old recorded"});
  finish("b", grant("b"));
  CHECK(server.command({"ZCARD", "{ns}:retired:K"}) == "2");
  CHECK(server.command({"ZSCORE", "{ns}:retired:K", "old recorded"}) == "(nil)");
  CHECK(std::stoi(server.command({"PTTL", "{ns}:retired:K"})) > 50'000);
}

TEST_CASE_FIXTURE(Protocol, "late, but nobody took over: recorded") {
  const Grant mine = grant("a");
  backdate("h_until", 100'000);
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().failures == 0);
}

TEST_CASE_FIXTURE(Protocol, "replaced by a later grant: a row, and the newer run's record stands") {
  const Grant old = grant("a");
  backdate("h_until", 61'000);
  const Grant newer = grant("b");
  CHECK(finish("a", old) == Recording::superseded);
  CHECK(finish("a", old) == Recording::superseded);
  CHECK_FALSE(record().success_end);
  CHECK(record().outcome == "lost");
  CHECK(record().failures == 1);
  CHECK(field("h_token") == "b");
  CHECK(runs().find(" superseded 0 1 host-a") != std::string::npos);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "2");  // lost, superseded
  CHECK(finish("b", newer) == Recording::recorded);
  CHECK(*record().success_start == newer.start);
}

// Found by the simulation: it was recorded, though another had run since.
TEST_CASE_FIXTURE(Protocol,
                  "replaced, and its token holds another lease that an acquire took which came twice: that ends too") {
  const Grant mine = grant("a");
  while (server_time() <= mine.start) {
  }
  backdate("h_until", 61'000);
  finish("b", grant("b"), Outcome::failed, 1);
  grant("a");
  const std::string ended = field("ended");
  CHECK(finish("a", mine) == Recording::superseded);
  CHECK(field("h_token") == "(nil)");
  CHECK(field("ok_end") == "(nil)");
  CHECK(field("ended") == ended);
  CHECK(finish("a", mine) == Recording::superseded);
}

TEST_CASE_FIXTURE(Protocol, "the data were lost and nobody has run since: recorded") {
  const Grant mine = grant("a");
  server.command({"FLUSHALL"});
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(record().outcome == "success");
  CHECK(record().fence == mine.fence);
  CHECK(grant("b").fence > mine.fence);
}

TEST_CASE_FIXTURE(Protocol, "times only move forward, though the clock went back") {
  run(Outcome::success);
  const std::int64_t ahead = *record().ended + 3'600'000;
  for (const char* name : {"ended", "ok_start", "ok_end"}) set(name, std::to_string(ahead));
  run(Outcome::success);
  CHECK(record().ended == ahead);
  CHECK(record().success_end == ahead);
  CHECK(record().success_start == ahead);
  CHECK(record().runs == 2);
}

TEST_CASE_FIXTURE(Protocol, "abandon gives back, records no run, and retires the token") {
  const Grant mine = grant("a");
  abandon("a");
  abandon("a");
  CHECK(record().holders.empty());
  CHECK(record().runs == 0);
  CHECK(field("fence") == std::to_string(mine.fence));
  CHECK(server.command({"EXISTS", "{ns}:runs:K"}) == "0");
  CHECK(std::get<Values>(ask(acquire_call(attempt("a"), {})).answer) == Values{"retired", "abandoned"});
  CHECK(grant("b").fence > mine.fence);
}

TEST_CASE_FIXTURE(Protocol, "abandon before the acquire that it gives back: that is not granted any more") {
  abandon("a");
  CHECK(std::get<Values>(ask(acquire_call(attempt("a"), {})).answer) == Values{"retired", "abandoned"});
  CHECK_FALSE(record().known);
}

TEST_CASE_FIXTURE(Protocol, "abandon leaves another holder alone") {
  grant("a");
  abandon("b");
  CHECK(field("h_token") == "a");
}

TEST_CASE_FIXTURE(Protocol, "touch is a run without length, and without lease or fence") {
  touch(Outcome::success);
  CHECK(record().success_end == record().success_start);
  CHECK(record().took == 0);
  CHECK(record().runs == 1);
  CHECK_FALSE(record().fence);
  touch(Outcome::failed);
  CHECK(record().fails == 1);
  CHECK(record().outcome == "failed");
  CHECK(runs().find("0 ") == 0);
}

TEST_CASE_FIXTURE(Protocol, "touch leaves a live run as it is") {
  const Grant mine = grant("a");
  const std::string until = field("h_until");
  touch(Outcome::failed);
  CHECK(field("h_token") == "a");
  CHECK(field("h_until") == until);
  CHECK(renew("a", mine) == Renewal::renewed);
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(record().runs == 2);
}

TEST_CASE_FIXTURE(Protocol, "a touch that is asked twice counts once") {
  const Call call = touch_call(attempt("same"), Outcome::failed, 1);
  ask(call);
  ask(call);
  CHECK(record().failures == 1);
}

TEST_CASE_FIXTURE(Protocol, "the history is capped, newest first; a cap of 0 keeps none") {
  for (int i = 0; i < 25; ++i) run(Outcome::success);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "20");
  CHECK(runs().find(std::to_string(*record().fence)) == 0);
  Attempt none = attempt("none");
  none.keep = 0;
  const auto decision = decode_decision(ask(acquire_call(none, {})), 0);
  ask(finish_call(none, std::get<Grant>(decision), Outcome::success, 0));
  CHECK(server.command({"EXISTS", "{ns}:runs:K"}) == "0");
}

TEST_CASE_FIXTURE(Protocol, "finished again when its token is long forgotten: the same answer, and counted once") {
  const Grant mine = grant("a");
  finish("a", mine);
  const auto before = record();
  server.command({"DEL", "{ns}:retired:K"});
  CHECK(finish("a", mine) == Recording::recorded);
  CHECK(record().runs == 1);
  CHECK(record().success_end == before.success_end);
  CHECK(server.command({"LLEN", "{ns}:runs:K"}) == "1");
}

TEST_CASE_FIXTURE(Protocol, "a live holder keeps its lease when another finishes, whatever the fences say") {
  const Grant mine = grant("a");
  server.command({"FLUSHALL"});
  grant("b");
  set("fence", "5");  // the clock had gone back as well
  set("h_fence", "5");
  CHECK(finish("a", mine) == Recording::superseded);
  CHECK(field("h_token") == "b");
}
