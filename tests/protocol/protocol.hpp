// The protocol as a caller sees it, on every engine; records are moved in time by back-dating their fields.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/ask.hpp"
#include "lock/record.hpp"
#include "lock/verbs.hpp"
#include "support/backend.hpp"

struct Protocol {
  support::Backend& server = support::empty_backend();
  condolock::Engine& engine = server.engine();

  condolock::Attempt attempt(const std::string& token, const std::string& key = "K") const {
    condolock::Attempt attempt;
    attempt.job = {"ns", key};
    attempt.token = token;
    attempt.who = "1 host-" + token;
    attempt.lease = condolock::Millis(60'000);
    return attempt;
  }
  condolock::Reply ask(const condolock::Call& call) { return condolock::ask(engine, call, condolock::Millis(5000)); }

  condolock::Decision acquire(const std::string& token, const std::vector<condolock::Condition>& conditions = {},
                              const std::string& key = "K") {
    return decode_decision(ask(acquire_call(attempt(token, key), conditions)), conditions.size());
  }
  condolock::Grant grant(const std::string& token, const std::vector<condolock::Condition>& conditions = {},
                         const std::string& key = "K") {
    const auto decision = acquire(token, conditions, key);
    REQUIRE(std::holds_alternative<condolock::Grant>(decision));
    return std::get<condolock::Grant>(decision);
  }
  // "holds", or why not.
  std::string why(const condolock::Condition& condition, const std::string& key = "K") {
    const auto answer = condolock::decode_verdicts(ask(condolock::check_call({"ns", key}, {condition})), 1);
    REQUIRE(std::holds_alternative<condolock::Verdicts>(answer));
    return std::get<condolock::Verdicts>(answer).conditions[0].why;
  }
  condolock::Renewal renew(const std::string& token, const condolock::Grant& grant) {
    const auto answer = decode_renewal(ask(renew_call(attempt(token), grant)));
    REQUIRE(std::holds_alternative<condolock::Renewal>(answer));
    return std::get<condolock::Renewal>(answer);
  }
  condolock::Recording finish(const std::string& token, const condolock::Grant& grant,
                              condolock::Outcome outcome = condolock::Outcome::success, int code = 0,
                              const std::string& key = "K") {
    const auto answer = decode_recording(ask(finish_call(attempt(token, key), grant, outcome, code)));
    REQUIRE(std::holds_alternative<condolock::Recording>(answer));
    return std::get<condolock::Recording>(answer);
  }
  void abandon(const std::string& token) {
    const auto reply = ask(abandon_call(attempt(token)));
    REQUIRE(std::holds_alternative<condolock::Values>(reply.answer));
  }
  void touch(condolock::Outcome outcome, const std::string& key = "K", const std::string& token = "t") {
    const auto answer =
        decode_recording(ask(touch_call(attempt(token + key + std::to_string(++touches_), key), outcome, 0)));
    REQUIRE(std::get<condolock::Recording>(answer) == condolock::Recording::recorded);
  }
  // A whole run.
  void run(condolock::Outcome outcome, const std::string& key = "K") {
    const std::string token = "run" + std::to_string(++touches_);
    finish(token, grant(token, {}, key), outcome, outcome == condolock::Outcome::success ? 0 : 1, key);
  }
  condolock::Record record(const std::string& key = "K") {
    const auto answer = condolock::decode_records(ask(condolock::records_call("ns", {key})), 1);
    REQUIRE(std::holds_alternative<std::vector<condolock::Answered<condolock::Record>>>(answer));
    const auto& record = std::get<std::vector<condolock::Answered<condolock::Record>>>(answer)[0];
    REQUIRE(std::holds_alternative<condolock::Record>(record));
    return std::get<condolock::Record>(record);
  }

  // In ms.
  std::int64_t server_time() {
    const std::string time = server.command({"TIME"});
    return std::stoll(time) * 1000 + std::stoll(time.substr(time.find(' '))) / 1000;
  }
  std::string field(const std::string& name, const std::string& key = "K") {
    return server.command({"HGET", "{ns}:job:" + key, name});
  }
  void set(const std::string& name, const std::string& value, const std::string& key = "K") {
    server.command({"HSET", "{ns}:job:" + key, name, value});
  }
  void remove_holder(const std::string& key = "K") {
    server.command({"HDEL", "{ns}:job:" + key, "h_token", "h_until", "h_fence", "h_start", "h_revoked", "h_who"});
  }
  // Moves a time of the record into the past.
  void backdate(const std::string& name, std::int64_t ms, const std::string& key = "K") {
    set(name, std::to_string(std::stoll(field(name, key)) - ms), key);
  }
  std::string runs(const std::string& key = "K") { return server.command({"LRANGE", "{ns}:runs:" + key, "0", "-1"}); }

 private:
  int touches_ = 0;
};
