// A record that is malformed or not ours is an error that names it, for every verb, and nothing is overwritten.
#include "protocol/protocol.hpp"

using namespace condolock;

namespace {

struct Malformed : Protocol {
  // What every verb answers; checks that the server is as it was.
  std::vector<std::string> answers() {
    const Grant grant{17, 1000, {}};
    std::vector<Call> calls{acquire_call(attempt("a"), {}),
                            acquire_call(attempt("a", "L"), {AccessedPrior{"K", Millis(1)}}),
                            check_call({"ns", "K"}, {}),
                            renew_call(attempt("a"), grant),
                            finish_call(attempt("a"), grant, Outcome::success, 0),
                            abandon_call(attempt("a")),
                            touch_call(attempt("a"), Outcome::success, 0),
                            pause_call({"ns", "K"}, {}, ""),
                            resume_call({"ns", "K"}),
                            unlock_call({"ns", "K"}, true),
                            reset_call({"ns", "K"}),
                            history_call({"ns", "K"}, 20),
                            records_call("ns", {"K"})};
    std::vector<std::string> out;
    const std::string before = state();
    for (const Call& call : calls) {
      const Reply reply = ask(call);
      REQUIRE(std::holds_alternative<Values>(reply.answer));
      std::string text;
      Values values = std::get<Values>(reply.answer);
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
    run(Outcome::success);
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
    run(Outcome::success);
    set("h_slots", "2");
    server.command({"HSET", "{ns}:slots:K", "t", value});
    for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K has a field that is no holder");
  }
  server.command({"DEL", "{ns}:slots:K"});
  server.command({"SET", "{ns}:slots:K", "x"});
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:slots:K holds another type of value");
}

TEST_CASE_FIXTURE(Malformed, "a fence that can't grow any more") {
  run(Outcome::success);
  set("fence", "9007199254740992");
  for (const std::string& answer : answers()) CHECK(answer == "malformed {ns}:job:K field fence is not a number");
  set("fence", "9007199254740991");
  const auto decision = acquire("a");
  REQUIRE(std::holds_alternative<Failure>(decision));
  CHECK(std::get<Failure>(decision).text == "the record {ns}:job:K is malformed: field fence has no successor");
}

TEST_CASE_FIXTURE(Malformed, "a later version's record: upgrade, and nothing overwritten") {
  run(Outcome::success);
  set("v", "2");
  for (const std::string& answer : answers()) CHECK(answer == "newer {ns}:job:K 2");
  const auto decision = acquire("a");
  REQUIRE(std::holds_alternative<Failure>(decision));
  CHECK(std::get<Failure>(decision).fault == Fault::malformed);
  CHECK(std::get<Failure>(decision).text == "the record {ns}:job:K has version 2: upgrade condolock on this host");
}

TEST_CASE_FIXTURE(Malformed, "the keys beside it hold another type: refused before the first write") {
  const auto refused = [&](const Call& call, const std::string& key) {
    const std::string before = state();
    const Reply reply = ask(call);
    REQUIRE(std::holds_alternative<Values>(reply.answer));
    CHECK(std::get<Values>(reply.answer)[0] == "malformed");
    CHECK(std::get<Values>(reply.answer)[1] == key);
    CHECK(state() == before);
  };
  for (const std::string key : {"{ns}:runs:K", "{ns}:retired:K", "{ns}:index"}) {
    CAPTURE(key);
    server.command({"FLUSHALL"});
    server.command({"SET", key, "x"});
    refused(acquire_call(attempt("a"), {}), key);
    server.command({"DEL", key});
    const Grant mine = grant("a");
    server.command({"DEL", key});
    server.command({"SET", key, "x"});
    refused(finish_call(attempt("a"), mine, Outcome::success, 0), key);
    refused(touch_call(attempt("t"), Outcome::success, 0), key);
    const bool runs = key == "{ns}:runs:K";
    const bool retired = key == "{ns}:retired:K";
    if (!runs) refused(acquire_call(attempt("b"), {}), key);  // held, and counted
    if (retired) refused(renew_call(attempt("a"), mine), key);
    if (retired) refused(abandon_call(attempt("a")), key);
    if (!retired) refused(unlock_call({"ns", "K"}, true), key);
    if (!runs && !retired) refused(pause_call({"ns", "K"}, {}, ""), key);
    if (retired) continue;
    server.command({"DEL", "{ns}:job:K"});  // what was lost would be re-asserted
    refused(renew_call(attempt("a"), mine), key);
  }
}

TEST_CASE_FIXTURE(Malformed, "fields that we don't know are kept") {
  run(Outcome::success);
  set("tomorrow", "x");
  run(Outcome::failed);
  grant("a");
  CHECK(field("tomorrow") == "x");
}
