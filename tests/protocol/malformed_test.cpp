// Every verb reports a record that is malformed or not condolock's, names it, and overwrites nothing.
#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Malformed : Protocol {
  // Returns what every verb answers; checks that the server's data is unchanged.
  std::vector<std::string> answers() {
    const lock::Grant grant{17, 1000, {}};
    std::vector<engine::Call> calls{lock::acquire_call(attempt("a"), {}),
                                    lock::acquire_call(attempt("a", "L"), {lock::AccessedPrior{"K", Millis(1)}}),
                                    lock::check_call({"ns", "K"}, {}),
                                    lock::renew_call(attempt("a"), grant),
                                    lock::finish_call(attempt("a"), grant, lock::Outcome::success, 0),
                                    lock::abandon_call(attempt("a")),
                                    lock::touch_call(attempt("a"), lock::Outcome::success, 0),
                                    lock::pause_call({"ns", "K"}, {}, ""),
                                    lock::resume_call({"ns", "K"}),
                                    lock::unlock_call({"ns", "K"}, true),
                                    lock::history_call({"ns", "K"}, 20),
                                    lock::records_call("ns", {"K"})};
    std::vector<std::string> out;
    const std::string before = state();
    for (const engine::Call& call : calls) {
      const engine::Reply reply = ask(call);
      REQUIRE(reply.answer.has_value());
      std::string text;
      engine::Values values = reply.answer.value();
      if (values[0] == "records") values.erase(values.begin(), values.begin() + 7);  // the rest is about one job
      for (const std::string& value : values) text += (text.empty() ? "" : " ") + value;
      out.push_back(text);
    }
    CHECK(state() == before);
    return out;
  }
  std::string state() {
    std::string out = server.command({"DBSIZE"});
    for (const char* key : {"job:K", "runs:K", "retired:K", "index", "slots:K", "wake:K", "starts:K", "once:K"}) {
      out += " " + server.command({"DUMP", std::string("{ns}:") + key});
    }
    return out;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Malformed, "malformed: the job's key has another type") {
  for (const std::vector<std::string>& set : std::vector<std::vector<std::string>>{{"SET", "{ns}:job:K", "x"},
                                                                                   {"RPUSH", "{ns}:job:K", "x"},
                                                                                   {"ZADD", "{ns}:job:K", "1", "x"},
                                                                                   {"SADD", "{ns}:job:K", "x"}}) {
    server.command({"FLUSHALL"});
    server.command(set);
    for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K holds another type of value");
  }
}

TEST_CASE_FIXTURE(Malformed, "malformed: a field has a value that condolock never writes") {
  const std::vector<std::pair<std::string, std::string>> fields{{"fence", "x"},
                                                                {"fence", "-1"},
                                                                {"fence", ""},
                                                                {"fence", "1e3"},
                                                                {"fence", "99999999999999999999"},
                                                                {"fence", "9007199254740993000"},
                                                                {"ok_end", "1.5"},
                                                                {"h_until", " 1"},
                                                                {"outcome", "odd"},
                                                                {"skips", "0x1"},
                                                                {"v", "one"}};
  for (const auto& [name, value] : fields) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    set(name, value);
    for (const std::string& answer : answers()) {
      CHECK(answer.find("malformed {ns}:job:K field " + name) == 0);
    }
  }
}

TEST_CASE_FIXTURE(Malformed, "malformed: the hash belongs to another program") {
  server.command({"HSET", "{ns}:job:K", "colour", "blue"});
  for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has no field v") == 0);
  server.command({"DEL", "{ns}:job:K"});
  server.command({"HSET", "{ns}:job:K", "fence", "12"});
  for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has no field v") == 0);
}

TEST_CASE_FIXTURE(Malformed, "malformed: a holder lacks fields") {
  for (const char* missing : {"h_token", "h_until", "h_fence", "h_start"}) {
    server.command({"FLUSHALL"});
    grant("x");
    server.command({"HDEL", "{ns}:job:K", missing});
    for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has a holder without") == 0);
  }
}

TEST_CASE_FIXTURE(Malformed, "malformed: a holder of a slot is invalid, or the holders' key has another type") {
  for (const char* value : {"", "x", "1 2 3", "1 2 3 4 2 w", "-1 2 3 4 0 w", "1 2 3 9007199254740993000 0 w"}) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    set("h_slots", "2");
    server.command({"HSET", "{ns}:slots:K", "t", value});
    for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K has an invalid holder");
  }
  server.command({"DEL", "{ns}:slots:K"});
  server.command({"SET", "{ns}:slots:K", "x"});
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K holds another type of value");
}

TEST_CASE_FIXTURE(Malformed, "malformed: a fence that cannot grow any more") {
  run(lock::Outcome::success);
  set("fence", "9007199254740992");
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K field fence is not a number");
  set("fence", "9007199254740991");
  const auto decision = acquire("a");
  REQUIRE(!decision.has_value());
  CHECK(decision.error().text ==
        "the record {ns}:job:K is malformed: field fence is at its maximum (condolock reset K --yes removes it)");
}

TEST_CASE_FIXTURE(Malformed, "a later version's record is answered with newer, and nothing is overwritten") {
  run(lock::Outcome::success);
  set("v", "2");
  for (const std::string& answer : answers()) CHECK(answer == "newer {ns}:job:K 2");
  CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"newer", "{ns}:job:K", "2"});
  const auto decision = acquire("a");
  REQUIRE(!decision.has_value());
  CHECK(decision.error().fault == engine::Fault::malformed);
  CHECK(decision.error().text == "the record {ns}:job:K has version 2: upgrade condolock on this host");
}

TEST_CASE_FIXTURE(Malformed, "a key beside the record has another type: refused before the first write") {
  const auto refused = [&](const engine::Call& call, const std::string& key) {
    const std::string before = state();
    const engine::Reply reply = ask(call);
    REQUIRE(reply.answer.has_value());
    CHECK(reply.answer.value()[0] == "malformed");
    CHECK(reply.answer.value()[1] == key);
    CHECK(state() == before);
  };
  for (const std::string key : {"{ns}:runs:K", "{ns}:retired:K", "{ns}:index"}) {
    CAPTURE(key);
    server.command({"FLUSHALL"});
    server.command({"SET", key, "x"});
    refused(lock::acquire_call(attempt("a"), {}), key);
    server.command({"DEL", key});
    const lock::Grant mine = grant("a");
    server.command({"DEL", key});
    server.command({"SET", key, "x"});
    refused(lock::finish_call(attempt("a"), mine, lock::Outcome::success, 0), key);
    refused(lock::touch_call(attempt("t"), lock::Outcome::success, 0), key);
    const bool runs = key == "{ns}:runs:K";
    const bool retired = key == "{ns}:retired:K";
    if (!runs) refused(lock::acquire_call(attempt("b"), {}), key);  // held, and counted
    if (retired) refused(lock::renew_call(attempt("a"), mine), key);
    if (retired) refused(lock::abandon_call(attempt("a")), key);
    if (!retired) refused(lock::unlock_call({"ns", "K"}, true), key);
    if (!runs && !retired) refused(lock::pause_call({"ns", "K"}, {}, ""), key);
    if (retired) continue;
    server.command({"DEL", "{ns}:job:K"});  // otherwise renew would reassert the lost lease
    refused(lock::renew_call(attempt("a"), mine), key);
  }
}

TEST_CASE_FIXTURE(Malformed, "fields that this version does not know are kept") {
  run(lock::Outcome::success);
  set("tomorrow", "x");
  set("", "y");
  run(lock::Outcome::failed);
  grant("a");
  CHECK(field("tomorrow") == "x");
  CHECK(field("") == "y");
}

// ---- reset removes a malformed record

namespace {

struct WayOut : Malformed {
  void check_reset() {
    CHECK(answers()[0].starts_with("malformed"));
    CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"reset"});
    CHECK(record().known == false);
    CHECK(server.command({"ZCARD", "{ns}:index"}) == "0");
    for (const char* gone : {"runs", "slots", "starts", "once"}) {
      CHECK(server.command({"TYPE", std::string("{ns}:") + gone + ":K"}) == "none");
    }
    grant("next");
  }
};

}  // namespace

TEST_CASE_FIXTURE(WayOut, "reset removes a record whose field is malformed, and keeps its fence") {
  run(lock::Outcome::success);
  const std::string fence = field("fence");
  set("ended", "yesterday");
  check_reset();
  CHECK(std::stoll(field("cut")) == std::stoll(fence));
  CHECK(std::stoll(field("fence")) > std::stoll(fence));
}

TEST_CASE_FIXTURE(WayOut, "reset removes a record whose fence is malformed or has no successor") {
  for (const char* fence : {"x", "9007199254740991", "9007199254740992"}) {
    run(lock::Outcome::success);
    set("fence", fence);
    CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"reset"});
    grant("next");
    server.command({"FLUSHALL"});
  }
}

TEST_CASE_FIXTURE(WayOut, "reset removes keys of another type") {
  for (const char* kind : {"job", "runs", "starts", "once"}) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    server.command({"DEL", std::string("{ns}:") + kind + ":K"});
    server.command({"SET", std::string("{ns}:") + kind + ":K", "x"});
    CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"reset"});
    CHECK(server.command({"TYPE", std::string("{ns}:") + kind + ":K"}) == "none");
    grant("next");
  }
}

TEST_CASE_FIXTURE(WayOut, "reset is refused while a lease is live, whatever the other keys hold") {
  for (const char* kind : {"wake", "runs", "retired", "starts", "once"}) {
    CAPTURE(kind);
    server.command({"FLUSHALL"});
    grant("a");
    set("waiters_until", std::to_string(server_time() + 30'000));
    const std::string key = std::string("{ns}:") + kind + ":K";
    server.command({"DEL", key});
    server.command({"SET", key, "x"});
    const std::string before = state();
    CHECK(ask(lock::reset_call({"ns", "K"})).answer.value()[0] == "held");
    CHECK(state() == before);
  }
}

TEST_CASE_FIXTURE(WayOut, "after a reset a job runs, whichever of its keys had another type") {
  for (const char* kind : {"job", "runs", "retired", "slots", "wake", "starts", "once"}) {
    CAPTURE(kind);
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    const std::string key = std::string("{ns}:") + kind + ":K";
    server.command({"DEL", key});
    server.command({"SET", key, "x"});
    CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"reset"});
    lock::Attempt all = attempt("all");
    all.slots = 2;
    all.needs = {1, "id"};
    const lock::Grant given = as<lock::Grant>(lock::decode_decision(ask(lock::acquire_call(all, {lock::Once{"id"}})), 1));
    CHECK(ask(lock::finish_call(all, given, lock::Outcome::success, 0)).answer.value() == engine::Values{"recorded", "0"});
  }
}

TEST_CASE_FIXTURE(WayOut, "a forced run with an ID is not granted if its end could not be recorded") {
  server.command({"SET", "{ns}:once:K", "x"});
  lock::Attempt made = attempt("a");
  made.needs.once = "id";
  const engine::Values answer = ask(lock::acquire_call(made, {}, {.forced = true})).answer.value();
  CHECK(answer[0] == "malformed");
  CHECK(answer[1] == "{ns}:once:K");
}

TEST_CASE_FIXTURE(WayOut, "a list of starts that cannot be read does not keep the lease of an abandoned run") {
  grant("a");
  server.command({"SET", "{ns}:starts:K", "x"});
  abandon("a");
  CHECK(record().holders.empty());
}

TEST_CASE_FIXTURE(WayOut, "too many starts, or a history that is too long, are malformed, and reset removes them") {
  std::vector<std::string> push{"RPUSH", "{ns}:starts:K"};
  for (int i = 0; i < 2001; ++i) push.push_back("5 5");
  server.command(push);
  lock::Attempt made = attempt("a");
  made.needs.starts = 1;
  const engine::Values answer = ask(lock::acquire_call(made, {lock::MaxRuns{1, Millis(1)}})).answer.value();
  CHECK(answer == engine::Values{"malformed", "{ns}:starts:K", "has more than 2000 elements"});
  CHECK(ask(lock::reset_call({"ns", "K"})).answer.value() == engine::Values{"reset"});
  run(lock::Outcome::success);
  set("history_limit", "10000");
  CHECK(record().known);
  set("history_limit", "10001");
  CHECK(answers()[0] == "malformed {ns}:job:K field history_limit is more than 10000");
}

// ---- bounds: a record beyond them is malformed, so that reading it costs little

TEST_CASE_FIXTURE(WayOut, "a text of more than 64 bytes is malformed") {
  for (const char* name : {"paused_why", "h_who", "h_token"}) {
    CAPTURE(name);
    server.command({"FLUSHALL"});
    grant("x");
    set("paused_why", "x");
    set(name, std::string(64, 'x'));
    CHECK(record().known);
    set(name, std::string(65, 'x'));
    for (const std::string& answer : answers()) {
      CHECK(answer == "malformed {ns}:job:K field " + std::string(name) + " has more than 64 bytes");
    }
    check_reset();
  }
}

TEST_CASE_FIXTURE(WayOut, "a number of a million digits is malformed") {
  run(lock::Outcome::success);
  set("ended", std::string(1'000'000, '0'));
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K field ended is not a number");
  check_reset();
}

TEST_CASE_FIXTURE(WayOut, "more than a thousand holders are malformed") {
  run(lock::Outcome::success);
  set("h_slots", "1000");
  std::vector<std::string> holders{"HSET", "{ns}:slots:K"};
  for (int i = 0; i < 1000; ++i) holders.insert(holders.end(), {"t" + std::to_string(i), "1 2 3 4 0 1 w"});
  server.command(holders);
  CHECK(record().holders.size() == 1000);
  server.command({"HSET", "{ns}:slots:K", "one more", "1 2 3 4 0 1 w"});
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K has more than 1000 holders");
  check_reset();
  server.command({"FLUSHALL"});
  run(lock::Outcome::success);
  set("h_slots", "1001");
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K has more than 1000 holders");
}

TEST_CASE_FIXTURE(WayOut, "a holder or a token of a slot that is too long is malformed") {
  for (const auto& [token, value] : std::vector<std::pair<std::string, std::string>>{
           {std::string(65, 't'), "1 2 3 4 0 1 w"}, {"t", "1 2 3 4 0 1 " + std::string(256, 'w')}}) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    set("h_slots", "2");
    server.command({"HSET", "{ns}:slots:K", token, value});
    for (const std::string& answer : answers()) {
      CHECK(answer == "malformed {ns}:slots:K has a field that is longer than 64 or 256 bytes");
    }
    check_reset();
  }
}

TEST_CASE_FIXTURE(WayOut, "a row of the history of more than 256 bytes is malformed") {
  run(lock::Outcome::success);
  server.command({"LPUSH", "{ns}:runs:K", "1 2 3 success 0 " + std::string(8'000'000, 'w')});
  const engine::Values answer = ask(lock::history_call({"ns", "K"}, 20)).answer.value();
  CHECK(answer == engine::Values{"malformed", "{ns}:runs:K", "has a row with more than 256 bytes"});
}

TEST_CASE_FIXTURE(WayOut, "a record that is malformed does not hide the others") {
  run(lock::Outcome::success, "a");
  run(lock::Outcome::success, "b");
  run(lock::Outcome::success, "c");
  set("paused_why", std::string(8'000'000, 'x'), "b");
  const auto records = lock::decode_records(ask(lock::records_call("ns", {"a", "b", "c"})), 3);
  REQUIRE(records.has_value());
  CHECK(records.value()[0].has_value());
  REQUIRE(!records.value()[1].has_value());
  CHECK(records.value()[1].error().text.find("{ns}:job:b is malformed") != std::string::npos);
  CHECK(records.value()[2].has_value());
}

TEST_CASE_FIXTURE(WayOut, "counters stop at the greatest number") {
  run(lock::Outcome::failed);
  for (const char* name : {"skips", "runs", "failures", "failures_in_a_row"}) set(name, "9007199254740991");
  CHECK(is<lock::Skipped>(acquire("a", {lock::MaxFailures{1}})));
  CHECK(record().skips == 9'007'199'254'740'991);
  run(lock::Outcome::failed);
  CHECK(record().runs == 9'007'199'254'740'991);
  CHECK(record().failures == 9'007'199'254'740'991);
  CHECK(record().failures_in_a_row == 9'007'199'254'740'991);
}

TEST_CASE_FIXTURE(Malformed, "if one start is malformed, no other is changed, not even one in the future") {
  server.command({"RPUSH", "{ns}:starts:K", std::to_string(server_time() + 3'600'000) + " 5", "x"});
  const std::vector<lock::Condition> conditions{lock::MaxRuns{2, Millis(1000)}};
  lock::Attempt made = attempt("a");
  made.needs = lock::needs_of(conditions);
  const std::string before = state();
  const engine::Reply reply = ask(lock::acquire_call(made, conditions));
  REQUIRE(reply.answer.has_value());
  CHECK(reply.answer.value()[0] == "malformed");
  CHECK(state() == before);
}
