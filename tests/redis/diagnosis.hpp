// What the tests of doctor share.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "engine/redis/doctor.hpp"
#include "lock/job.hpp"
#include "lock/trial.hpp"
#include "support/redis_server.hpp"

namespace support {

using namespace condolock;

inline const std::vector<std::string> keys = lock::Job{"ns", "doctor"}.keys();

inline engine::Diagnosis diagnose(engine::Engine& engine, const engine::redis::Target& target, Millis patience) {
  const auto trial = [](const engine::Ask& ask) { return lock::try_run("ns", ask); };
  return engine::redis::examine(engine, target, {keys, trial}, patience);
}

inline std::vector<engine::Finding> examine(const engine::redis::Target& target) {
  engine::redis::RedisEngine engine(target);
  return diagnose(engine, target, Millis(2000)).findings;
}

inline engine::Finding find(const std::vector<engine::Finding>& findings, const std::string& check) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const engine::Finding& finding) { return finding.check == check; });
  REQUIRE_MESSAGE(found != findings.end(), check);
  return *found;
}

inline engine::Finding look(RedisServer& server, const std::string& check) { return find(examine(server.target()), check); }

inline engine::redis::Target as(RedisServer& server, const std::string& user, const std::string& password) {
  engine::redis::Target target = server.target();
  target.user = user;
  target.password = password;
  return target;
}

// Answers like a server that the tests cannot start.
class Scripted final : public engine::Engine {
 public:
  explicit Scripted(std::string info, std::int64_t ahead = 0) : info_(std::move(info)), ahead_(ahead) {}
  void start(engine::Call call, Instant now) override {
    reply_ = engine::Reply{now, engine::Values{"OK"}, {}};
    if (call.args[0] == "INFO") reply_->answer = engine::Values{info_};
    if (call.args[0] == "TIME") reply_->answer = engine::Values{std::to_string(std::time(nullptr) + ahead_), "0"};
  }
  void cancel() override {}
  engine::Interest interest() const override { return {}; }
  std::optional<engine::Reply> advance(short /*revents*/, Instant /*now*/) override {
    return std::exchange(reply_, std::nullopt);
  }

 private:
  std::string info_;
  std::int64_t ahead_;
  std::optional<engine::Reply> reply_;
};

}  // namespace support
