// doctor's trial run, its time limit, and servers of another kind.
#include <doctest/doctest.h>

#include "redis/diagnosis.hpp"
#include "support/fake_server.hpp"

using namespace support;
using engine::redis::RedisEngine;
using Level = engine::Finding::Level;

namespace {

// Answers like Scripted, but late.
class Slow final : public engine::Engine {
 public:
  explicit Slow(Millis delay) : delay_(delay) {}
  void start(engine::Call call, Instant now) override {
    ++calls;
    deadline_ = call.deadline;
    at_ = now + delay_;
    scripted_.start(std::move(call), now);
  }
  void cancel() override {}
  engine::Interest interest() const override { return {-1, 0, std::min(at_, deadline_)}; }
  std::optional<engine::Reply> advance(short revents, Instant now) override {
    if (now >= at_) return scripted_.advance(revents, now);
    if (now < deadline_) return std::nullopt;
    return engine::Reply{now, engine::Failure{engine::Fault::unreachable, true, false, "no answer"}, {}};
  }

  int calls = 0;

 private:
  Scripted scripted_{""};
  Millis delay_;
  Instant at_{};
  Instant deadline_{};
};

}  // namespace

TEST_CASE("doctor: a user who may not wait is reported") {
  RedisServer server;
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all", "-blpop"});
  auto findings = examine(as(server, "job", "pw"));
  CHECK(find(findings, "permissions").found == "user job lacks: BLPOP");
  const engine::Finding waiting = find(findings, "waiting");
  CHECK(waiting.level == Level::error);
  CHECK(waiting.advice.find("allow this user") == 0);
}

TEST_CASE("doctor: missing permissions are named, even if ACL DRYRUN is not available") {
  RedisServer server;
  for (const char* acl : {"+acl", "-acl"}) {
    server.command({"ACL", "SETUSER", "job", "reset", "on", ">pw", "~{ns}:*", "+@all", "-zrank", "-zrem", acl});
    const auto findings = examine(as(server, "job", "pw"));
    CHECK(find(findings, "permissions").level == Level::error);
    CHECK(find(findings, "permissions").found == "user job lacks: ZRANK ZREM");
    CHECK(find(findings, "trial run").level == Level::good);
    CHECK(server.command({"DBSIZE"}) == "0");
  }
}

TEST_CASE("doctor: the trial run uses every command of a run") {
  RedisServer server;
  server.command({"CONFIG", "RESETSTAT"});
  CHECK(look(server, "trial run").level == Level::good);
  const std::string stats = server.command({"INFO", "commandstats"});
  for (const char* used : {"hmget",
                           "hset",
                           "hdel",
                           "hgetall",
                           "hlen",
                           "exists",
                           "lrange",
                           "type",
                           "zadd",
                           "zmscore",
                           "zremrangebyscore",
                           "pexpire",
                           "pexpireat",
                           "llen",
                           "lpush",
                           "ltrim",
                           "lrem",
                           "del",
                           "evalsha",
                           "eval"}) {
    CAPTURE(used);
    CHECK(stats.find("cmdstat_" + std::string(used) + ":") != std::string::npos);
  }
  CHECK(server.command({"DBSIZE"}) == "0");
}

TEST_CASE("doctor: its time is limited, and a request with too little time proves nothing") {
  Slow slow(Millis(400));
  engine::redis::Target target;
  const engine::Diagnosis diagnosis = diagnose(slow, target, Millis(1000));  // 3 s in all
  CHECK(slow.calls < 20);                                                    // all checks take more than 40
  CHECK_FALSE(diagnosis.can_run);
  CHECK(find(diagnosis.findings, "reachable").level == Level::good);
  CHECK(diagnosis.findings.back().check == "time");
  for (const engine::Finding& finding : diagnosis.findings) CHECK(finding.level != Level::error);
}

TEST_CASE("doctor: another kind of server, or another Cluster slot, is recognized") {
  struct Case {
    const char* text;
    const char* advice;
  };
  for (const Case& each :
       {Case{"HTTP/1.1 400 Bad Request\r\n\r\nCLOSE", "another service, or TLS"},
        Case{"-MOVED 866 10.0.0.2:7001\r\n", "redis+cluster://"}, Case{"-NOBODY knows this\r\n", "read the server's log"}}) {
    CAPTURE(each.text);
    support::FakeServer server({each.text, each.text});
    RedisEngine engine(server.target());
    const engine::Diagnosis diagnosis = diagnose(engine, server.target(), Millis(5000));
    CHECK_FALSE(diagnosis.can_run);
    REQUIRE(diagnosis.findings.size() == 1);
    CHECK(diagnosis.findings[0].level == Level::error);
    CHECK(diagnosis.findings[0].advice.find(each.advice) != std::string::npos);
  }
}
