// A record that is malformed or not ours is an error that names it, for every verb, and nothing is overwritten.
#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Malformed : Protocol {
  // What every verb answers; checks that the server is as it was.
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
                                    lock::reset_call({"ns", "K"}),
                                    lock::history_call({"ns", "K"}, 20),
                                    lock::records_call("ns", {"K"})};
    std::vector<std::string> out;
    const std::string before = state();
    for (const engine::Call& call : calls) {
      const engine::Reply reply = ask(call);
      REQUIRE(reply.answer.has_value());
      std::string text;
      engine::Values values = reply.answer.value();
      if (values[0] == "records") values.erase(values.begin(), values.begin() + 2);  // what follows is of one job
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

TEST_CASE_FIXTURE(Malformed, "the job's key holds another type") {
  for (const std::vector<std::string>& set : std::vector<std::vector<std::string>>{{"SET", "{ns}:job:K", "x"},
                                                                                   {"RPUSH", "{ns}:job:K", "x"},
                                                                                   {"ZADD", "{ns}:job:K", "1", "x"},
                                                                                   {"SADD", "{ns}:job:K", "x"}}) {
    server.command({"FLUSHALL"});
    server.command(set);
    for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K holds another type of value");
  }
}

TEST_CASE_FIXTURE(Malformed, "a field that is no number, or none of ours") {
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

TEST_CASE_FIXTURE(Malformed, "a hash of somebody else's") {
  server.command({"HSET", "{ns}:job:K", "colour", "blue"});
  for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has no field v") == 0);
  server.command({"DEL", "{ns}:job:K"});
  server.command({"HSET", "{ns}:job:K", "fence", "12"});
  for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has no field v") == 0);
}

TEST_CASE_FIXTURE(Malformed, "half a holder") {
  for (const char* missing : {"h_token", "h_until", "h_fence", "h_start"}) {
    server.command({"FLUSHALL"});
    grant("x");
    server.command({"HDEL", "{ns}:job:K", missing});
    for (const std::string& answer : answers()) CHECK(answer.find("malformed {ns}:job:K has a holder without") == 0);
  }
}

TEST_CASE_FIXTURE(Malformed, "a holder of a slot that is none, or all of them of another type") {
  for (const char* value : {"", "x", "1 2 3", "1 2 3 2 w", "-1 2 3 0 w", "1 2 9007199254740993000 0 w"}) {
    server.command({"FLUSHALL"});
    run(lock::Outcome::success);
    set("h_slots", "2");
    server.command({"HSET", "{ns}:slots:K", "t", value});
    for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K has a field that is no holder");
  }
  server.command({"DEL", "{ns}:slots:K"});
  server.command({"SET", "{ns}:slots:K", "x"});
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K holds another type of value");
}

TEST_CASE_FIXTURE(Malformed, "a fence that can't grow any more") {
  run(lock::Outcome::success);
  set("fence", "9007199254740992");
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K field fence is not a number");
  set("fence", "9007199254740991");
  const auto decision = acquire("a");
  REQUIRE(!decision.has_value());
  CHECK(decision.error().text == "the record {ns}:job:K is malformed: field fence has no successor");
}

TEST_CASE_FIXTURE(Malformed, "a later version's record: upgrade, and nothing overwritten") {
  run(lock::Outcome::success);
  set("v", "2");
  for (const std::string& answer : answers()) CHECK(answer == "newer {ns}:job:K 2");
  const auto decision = acquire("a");
  REQUIRE(!decision.has_value());
  CHECK(decision.error().fault == engine::Fault::malformed);
  CHECK(decision.error().text == "the record {ns}:job:K has version 2: upgrade condolock on this host");
}

TEST_CASE_FIXTURE(Malformed, "the keys beside it hold another type: refused before the first write") {
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
    server.command({"DEL", "{ns}:job:K"});  // what was lost would be re-asserted
    refused(lock::renew_call(attempt("a"), mine), key);
  }
}

TEST_CASE_FIXTURE(Malformed, "fields that we don't know are kept") {
  run(lock::Outcome::success);
  set("tomorrow", "x");
  run(lock::Outcome::failed);
  grant("a");
  CHECK(field("tomorrow") == "x");
}
