// The protocol as a caller sees it, on every engine. Tests move a record in time by backdating its fields.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/ask.hpp"
#include "lock/record.hpp"
#include "lock/verbs.hpp"
#include "support/backend.hpp"

// Unwraps a decision, or any other variant, that may be a failure instead.
template <class T, class Variant>
bool is(const Variant& what) {
  if constexpr (requires { what.has_value(); }) {
    return what.has_value() && std::holds_alternative<T>(*what);
  } else {
    return std::holds_alternative<T>(what);
  }
}
template <class T, class Variant>
T as(const Variant& what) {
  if constexpr (requires { what.has_value(); }) {
    return std::get<T>(what.value());
  } else {
    return std::get<T>(what);
  }
}

struct Protocol {
  support::Backend& server = support::empty_backend();
  condolock::engine::Engine& engine = server.engine();

  condolock::lock::Attempt attempt(const std::string& token, const std::string& key = "K") const {
    condolock::lock::Attempt attempt;
    attempt.job = {"ns", key};
    attempt.token = token;
    attempt.who = "1 host-" + token;
    attempt.lease = condolock::Millis(60'000);
    return attempt;
  }
  condolock::engine::Reply ask(const condolock::engine::Call& call) {
    return condolock::engine::ask(engine, call, condolock::Millis(5000));
  }

  condolock::engine::Answered<condolock::lock::Decision> acquire(
      const std::string& token, const std::vector<condolock::lock::Condition>& conditions = {},
      const std::string& key = "K") {
    return condolock::lock::decode_decision(ask(condolock::lock::acquire_call(attempt(token, key), conditions)),
                                            conditions.size());
  }
  condolock::lock::Grant grant(const std::string& token, const std::vector<condolock::lock::Condition>& conditions = {},
                               const std::string& key = "K") {
    const auto decision = acquire(token, conditions, key);
    REQUIRE(is<condolock::lock::Grant>(decision));
    return as<condolock::lock::Grant>(decision);
  }
  // "holds", or the reason why not.
  std::string why(const condolock::lock::Condition& condition, const std::string& key = "K") {
    const auto answer = condolock::lock::decode_verdicts(ask(condolock::lock::check_call({"ns", key}, {condition})), 1);
    REQUIRE(answer.has_value());
    return answer.value().conditions[0].why;
  }
  condolock::lock::Renewal renew(const std::string& token, const condolock::lock::Grant& grant) {
    const auto answer = condolock::lock::decode_renewal(ask(condolock::lock::renew_call(attempt(token), grant)));
    REQUIRE(answer.has_value());
    return answer.value();
  }
  condolock::lock::Recording finish(const std::string& token, const condolock::lock::Grant& grant,
                                    condolock::lock::Outcome outcome = condolock::lock::Outcome::success, int code = 0,
                                    const std::string& key = "K") {
    const auto answer =
        condolock::lock::decode_recording(ask(condolock::lock::finish_call(attempt(token, key), grant, outcome, code)));
    REQUIRE(answer.has_value());
    return answer.value();
  }
  void abandon(const std::string& token) {
    const auto reply = ask(condolock::lock::abandon_call(attempt(token)));
    REQUIRE(reply.answer.has_value());
  }
  void touch(condolock::lock::Outcome outcome, const std::string& key = "K", const std::string& token = "t") {
    const auto answer = condolock::lock::decode_recording(
        ask(condolock::lock::touch_call(attempt(token + key + std::to_string(++touches_), key), outcome, 0)));
    REQUIRE(answer.value() == condolock::lock::Recording::recorded);
  }
  // Runs from grant to finish.
  void run(condolock::lock::Outcome outcome, const std::string& key = "K") {
    const std::string token = "run" + std::to_string(++touches_);
    finish(token, grant(token, {}, key), outcome, outcome == condolock::lock::Outcome::success ? 0 : 1, key);
  }
  condolock::lock::Record record(const std::string& key = "K") {
    const auto answer = condolock::lock::decode_records(ask(condolock::lock::records_call("ns", {key})), 1);
    REQUIRE(answer.has_value());
    const auto& record = answer.value()[0];
    REQUIRE(record.has_value());
    return record.value();
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
