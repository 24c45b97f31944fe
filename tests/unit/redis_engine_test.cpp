// The engine's policy alone, over a discovery and transports that the test holds in its hands. With real servers:
// tests/redis/engine_test.cpp.
#include "engine/redis/redis_engine.hpp"

#include <doctest/doctest.h>

#include <map>

#include "support/fake_transport.hpp"

using namespace condolock;
using engine::redis::Address;
using engine::redis::RedisEngine;
using support::FakeDiscovery;
using support::FakeTransport;

namespace {

Address numbered(int number) {
  Address address;
  address.length = static_cast<socklen_t>(number);  // enough to tell them apart
  return address;
}

const std::string pong = "*1\r\n$4\r\npong\r\n";

struct Engine {
  // By the number of the address: refuses, or answers each write with this text.
  std::map<int, std::string> servers;
  std::vector<int> connected_to;
  std::vector<std::shared_ptr<FakeTransport::State>> states;
  int looks = 0;

  std::unique_ptr<engine::Engine> over(std::vector<FakeDiscovery::Addresses> found) {
    engine::redis::Target target;
    target.host = "redis.example";
    return std::make_unique<RedisEngine>(target, std::make_unique<FakeDiscovery>(std::move(found), looks),
                                         [this](const Address& address) {
                                           const int number = static_cast<int>(address.length);
                                           connected_to.push_back(number);
                                           auto state = std::make_shared<FakeTransport::State>();
                                           states.push_back(state);
                                           if (servers.count(number) == 0) {
                                             state->error = "Connection refused";
                                           } else {
                                             state->answer = [text = servers[number]](const std::string&) { return text; };
                                           }
                                           return std::make_unique<FakeTransport>(state);
                                         });
  }

  static engine::Reply ask(engine::Engine& engine) {
    engine::Call call;
    call.args = {"PING"};
    const Instant now = BootClock::now();
    call.deadline = now + Millis(1000);
    engine.start(call, now);
    for (int i = 0; i < 100; ++i) {
      if (auto reply = engine.advance(POLLIN, now)) return *std::move(reply);
    }
    FAIL("no reply");
    return {};
  }
};

}  // namespace

TEST_CASE_FIXTURE(Engine, "engine: addresses are tried in order, and found once for many calls") {
  servers[2] = pong;
  const auto engine = over({{numbered(1), numbered(2)}});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<int>{1, 2});
  CHECK(looks == 1);
}

TEST_CASE_FIXTURE(Engine, "engine: where no known address answers, the name is looked up again") {
  servers[1] = pong;
  servers[2] = pong;
  const auto engine = over({{numbered(1)}, {numbered(2)}});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  states.back()->error = "Connection reset by peer";
  servers.erase(1);
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<int>{1, 1, 2});
  CHECK(looks == 2);
}

TEST_CASE_FIXTURE(Engine, "engine: a name that is not found, and addresses that all refuse, are no answer") {
  const auto nowhere = over({{}});
  const auto unknown = ask(*nowhere);
  REQUIRE_FALSE(unknown.answer);
  CHECK(unknown.answer.error().fault == engine::Fault::unreachable);
  CHECK(unknown.answer.error().text == "cannot find the host redis.example: nobody knows");
  looks = 0;
  const auto deaf = over({{numbered(1)}});
  const auto refused = ask(*deaf);
  REQUIRE_FALSE(refused.answer);
  CHECK(refused.answer.error().fault == engine::Fault::unreachable);
  CHECK_FALSE(refused.answer.error().may_have_run);
  CHECK(refused.answer.error().text == "cannot connect to redis.example:6379: Connection refused");
}

TEST_CASE_FIXTURE(Engine, "engine: a connection that breaks after the command was sent may have run it") {
  servers[1] = "";
  const auto engine = over({{numbered(1)}});
  engine::Call call;
  call.args = {"PING"};
  const Instant now = BootClock::now();
  call.deadline = now + Millis(1000);
  engine->start(call, now);
  CHECK_FALSE(engine->advance(POLLIN, now));
  REQUIRE(states.size() == 1);
  CHECK(states[0]->writes == std::vector<std::string>{"*1\r\n$4\r\nPING\r\n"});
  states[0]->error = "Connection reset by peer";
  const auto reply = engine->advance(POLLIN, now);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().may_have_run);
  CHECK(reply->answer.error().text == "the exchange with redis.example:6379 broke off: Connection reset by peer");
}

TEST_CASE_FIXTURE(Engine, "engine: what is not Redis is unexpected, not unreachable") {
  servers[1] = "HTTP/1.1 400 Bad Request\r\n";
  const auto engine = over({{numbered(1)}});
  const auto reply = ask(*engine);
  REQUIRE_FALSE(reply.answer);
  CHECK(reply.answer.error().fault == engine::Fault::unexpected);
}
