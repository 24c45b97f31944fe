// The engine's policy alone, with a discovery and transports that the test controls. With real servers:
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
  address.length = static_cast<socklen_t>(number);  // enough to tell addresses apart
  return address;
}

const std::string pong = "*1\r\n$4\r\npong\r\n";

struct Engine {
  // By the number of the address: the text that answers each write. An address without an entry refuses.
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

std::string more_than_8_mib() {
  std::string out;
  out.resize(std::size_t{9} << 20U, 'x');
  return out;
}

}  // namespace

TEST_CASE_FIXTURE(Engine, "engine: addresses are tried in order, and found once for many calls") {
  servers[2] = pong;
  const auto engine = over({{numbered(1), numbered(2)}});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<int>{1, 2});
  CHECK(looks == 1);
}

TEST_CASE_FIXTURE(Engine, "engine: if no known address answers, the name is resolved again") {
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

TEST_CASE_FIXTURE(Engine, "engine: a name that is not found, and addresses that all refuse, are unreachable") {
  const auto nowhere = over({{}});
  const auto unknown = ask(*nowhere);
  REQUIRE_FALSE(unknown.answer);
  CHECK(unknown.answer.error().fault == engine::Fault::unreachable);
  CHECK(unknown.answer.error().text == "cannot resolve the host redis.example: nobody knows");
  looks = 0;
  const auto deaf = over({{numbered(1)}});
  const auto refused = ask(*deaf);
  REQUIRE_FALSE(refused.answer);
  CHECK(refused.answer.error().fault == engine::Fault::unreachable);
  CHECK_FALSE(refused.answer.error().may_have_run);
  CHECK(refused.answer.error().text == "cannot connect to redis.example:6379: Connection refused");
}

TEST_CASE_FIXTURE(Engine, "engine: a connection that breaks after the send may have run the command") {
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
  CHECK(reply->answer.error().text ==
        "the connection to redis.example:6379 broke: Connection reset by peer (if this is a TLS port, write rediss:// in "
        "the URL)");
}

TEST_CASE_FIXTURE(Engine, "engine: a server that is not Redis is unexpected, not unreachable") {
  servers[1] = "HTTP/1.1 400 Bad Request\r\n";
  const auto engine = over({{numbered(1)}});
  const auto reply = ask(*engine);
  REQUIRE_FALSE(reply.answer);
  CHECK(reply.answer.error().fault == engine::Fault::unexpected);
}

namespace {

// Answers the nth write with the nth text.
std::function<std::string(const std::string&)> answers(std::vector<std::string> texts) {
  return [texts = std::move(texts), next = std::size_t{0}](const std::string&) mutable {
    return next < texts.size() ? texts[next++] : std::string();
  };
}

const std::string granted = "*4\r\n$7\r\ngranted\r\n$2\r\n17\r\n$1\r\n1\r\n$0\r\n\r\n";

// One server, and a target with a password.
struct OneServer {
  std::shared_ptr<FakeTransport::State> state = std::make_shared<FakeTransport::State>();
  int connections = 0;
  int looks = 0;
  Instant now = BootClock::now();
  std::unique_ptr<RedisEngine> engine;

  explicit OneServer(const std::string& password = "") {
    engine::redis::Target target;
    target.host = "redis.example";
    target.password = password;
    std::vector<FakeDiscovery::Addresses> found{{numbered(1)}};
    engine = std::make_unique<RedisEngine>(target, std::make_unique<FakeDiscovery>(found, looks), [this](const Address&) {
      ++connections;
      return std::make_unique<FakeTransport>(state);
    });
  }

  static engine::Call acquire() {
    engine::Call call;
    call.script = &scripts::acquire;
    call.keys = {"k"};
    call.args = {"a"};
    return call;
  }
  std::optional<engine::Reply> start(engine::Call call) {
    call.deadline = now + Millis(1000);
    engine->start(std::move(call), now);
    return advance();
  }
  std::optional<engine::Reply> advance() {
    for (int i = 0; i < 10; ++i) {
      if (auto reply = engine->advance(POLLIN, now)) return reply;
    }
    return std::nullopt;
  }
};

}  // namespace

TEST_CASE("engine: NOSCRIPT is answered with the source, on the same connection") {
  OneServer server;
  server.state->answer = answers({"-NOSCRIPT No matching script.\r\n", granted});
  const auto reply = server.start(OneServer::acquire());
  REQUIRE(reply);
  REQUIRE(reply->answer);
  CHECK(reply->answer->front() == "granted");
  REQUIRE(server.state->writes.size() == 2);
  CHECK(server.state->writes[0].find("EVALSHA") != std::string::npos);
  CHECK(server.state->writes[1].find("$4\r\nEVAL\r\n") != std::string::npos);
  CHECK(server.connections == 1);
}

TEST_CASE("engine: a second NOSCRIPT is an unexpected reply, and so are more") {
  OneServer server;
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "-NOSCRIPT No matching script.\r\n";
  engine::Call call = OneServer::acquire();
  std::size_t writes = 2;
  SUBCASE("one NOSCRIPT for each request") {
    server.state->answer = [](const std::string&) { return "-NOSCRIPT No matching script.\r\n"; };
  }
  SUBCASE("a flood") { server.state->answer = answers({flood}); }
  SUBCASE("to the script itself") {
    server.state->answer = answers({flood});
    call.as_source = true;
    writes = 1;
  }
  SUBCASE("to a command") {
    server.state->answer = answers({flood});
    call = {};
    call.args = {"PING"};
    writes = 1;
  }
  const auto reply = server.start(call);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::unexpected);
  CHECK(reply->answer.error().text == "redis.example:6379 says: NOSCRIPT No matching script.");
  CHECK(server.state->writes.size() == writes);
}

TEST_CASE("engine: after NOSCRIPT and a pause, the source is sent again, and a second NOSCRIPT is still final") {
  OneServer server;
  server.state->answer = answers({"-NOSCRIPT No matching script.\r\n", "-LOADING Redis is loading the dataset in memory\r\n",
                                  "-NOSCRIPT No matching script.\r\n"});
  CHECK_FALSE(server.start(OneServer::acquire()));
  server.now = *server.engine->interest().wake;
  const auto reply = server.advance();
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::unexpected);
  CHECK(server.state->writes.size() == 3);
}

TEST_CASE("engine: a reply over a limit names the key, the limit and what to do") {
  OneServer server;
  std::string many = "*300000\r\n";
  for (int i = 0; i < 300'000; ++i) many += ":1\r\n";
  std::string text = many;
  std::string limit = "the reply has more than 200000 values";
  SUBCASE("values") {}
  SUBCASE("bytes") {
    text = "$20000000\r\n" + more_than_8_mib();
    limit = "the reply is longer than 8 MiB";
  }
  SUBCASE("bytes of an error") {
    text = "-" + more_than_8_mib();
    limit = "the reply is longer than 8 MiB";
  }
  SUBCASE("depth") {
    text.clear();
    for (int i = 0; i < 100; ++i) text += "*1\r\n";
    limit = "the reply has arrays more than 7 deep";
  }
  engine::Call call = OneServer::acquire();
  std::string way_out = ": ask for fewer keys at once";
  for (const std::string about : {"", "a\nb"}) {
    server.state->answer = answers({text});
    call.about = about;
    call.deadline = server.now + Millis(1000);
    server.engine->start(call, server.now);
    std::optional<engine::Reply> reply;
    for (int i = 0; i < 200 && !reply; ++i) reply = server.engine->advance(POLLIN, server.now);
    REQUIRE(reply);
    REQUIRE_FALSE(reply->answer);
    CHECK(reply->answer.error().fault == engine::Fault::unexpected);
    CHECK(reply->answer.error().may_have_run);
    const std::string start = "the connection to redis.example:6379 broke: ";
    CHECK(reply->answer.error().text == std::string(start).append(limit).append(way_out));
    way_out = ": the record of a\\x0ab is damaged, or this is not Redis (condolock reset $'a\\x0ab' --yes removes it)";
    server.state->arrived.clear();
  }
}

TEST_CASE("engine: a request over the limit is refused before anything is sent") {
  OneServer server;
  engine::Call call = OneServer::acquire();
  call.args = {more_than_8_mib()};
  const auto reply = server.start(call);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::misconfigured);
  CHECK_FALSE(reply->answer.error().may_have_run);
  CHECK(reply->answer.error().text == "the request is longer than 8 MiB: use fewer conditions or shorter names");
  CHECK(server.state->writes.empty());
}

TEST_CASE("engine: a caller with not_ready_is_final gets not_ready at once") {
  OneServer server("secret");
  engine::Call call = OneServer::acquire();
  call.not_ready_is_final = true;
  SUBCASE("LOADING") { server.state->answer = answers({"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n"}); }
  SUBCASE("closes after its error, which comes in place of the answer to AUTH") {
    server.state->answer = [&](const std::string&) {
      server.state->error = "the server closed the connection";
      return "-ERR max number of clients reached\r\n";
    };
  }
  const auto reply = server.start(call);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::not_ready);
  CHECK_FALSE(reply->answer.error().may_have_run);
  CHECK(reply->answer.error().text.find("redis.example:6379 says: ") == 0);
  CHECK(server.connections == 1);
}

TEST_CASE("engine: a server that is not ready is asked again on a new connection, after a pause") {
  OneServer server;
  server.state->answer = answers({"-LOADING Redis is loading the dataset in memory\r\n", granted});
  CHECK_FALSE(server.start(OneServer::acquire()));
  CHECK(server.connections == 1);
  const auto wake = server.engine->interest().wake;
  REQUIRE(wake);
  CHECK(*wake > server.now);
  server.now = *wake;
  const auto reply = server.advance();
  REQUIRE(reply);
  CHECK(reply->answer);
  CHECK(server.connections == 2);
}

TEST_CASE("engine: a server that stays not ready is quoted at the deadline") {
  OneServer server;
  server.state->answer = [](const std::string&) { return "-LOADING Redis is loading the dataset in memory\r\n"; };
  CHECK_FALSE(server.start(OneServer::acquire()));
  server.now += Millis(1000);
  const auto reply = server.advance();
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK_FALSE(reply->answer.error().may_have_run);
  CHECK(reply->answer.error().text.find("its last reply: LOADING") != std::string::npos);
}

TEST_CASE("engine: a grant after a failed AUTH is void, and abandoned on the same connection") {
  OneServer server("secret");
  server.state->answer = answers({"-WRONGPASS invalid username-password pair\r\n" + granted, "*1\r\n$9\r\nabandoned\r\n"});
  const auto reply = server.start(OneServer::acquire());
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::denied);
  CHECK(reply->answer.error().voided);
  CHECK(reply->answer.error().text.find("secret") == std::string::npos);
  engine::Call abandon;
  abandon.script = &scripts::abandon;
  abandon.same_session = true;
  const auto given_back = server.start(abandon);
  REQUIRE(given_back);
  REQUIRE(given_back->answer);
  CHECK(given_back->answer->front() == "abandoned");
  CHECK(server.connections == 1);
}

TEST_CASE("engine: bytes after the last reply are ignored, and the next call opens a new connection") {
  OneServer server;
  server.state->answer = answers({granted + granted, "*1\r\n$4\r\nheld\r\n"});
  REQUIRE(server.start(OneServer::acquire()));
  const auto reply = server.start(OneServer::acquire());
  REQUIRE(reply);
  REQUIRE(reply->answer);
  CHECK(reply->answer->front() == "held");
  CHECK(server.connections == 2);
}

TEST_CASE("engine: a server that is not ready for AUTH and then closes the connection is quoted at the deadline") {
  OneServer server("secret");
  server.state->answer = [](const std::string&) { return "-LOADING Redis is loading the dataset in memory\r\n?\r\n"; };
  CHECK_FALSE(server.start(OneServer::acquire()));
  server.now += Millis(1000);
  const auto reply = server.advance();
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::not_ready);
  CHECK(reply->answer.error().text.ends_with("its last reply: LOADING Redis is loading the dataset in memory"));
}

TEST_CASE("engine: a server with too many clients closes the connection after its error, and is asked again") {
  std::string password;
  engine::Call call = OneServer::acquire();
  SUBCASE("in reply to a run") {}
  SUBCASE("in reply to a run with a password") { password = "secret"; }
  SUBCASE("in reply to check, which asks for the role first") { call.ask_role = true; }
  OneServer server(password);
  server.state->answer = [&](const std::string&) {
    server.state->error = "the server closed the connection";
    return "-ERR max number of clients reached\r\n";
  };
  CHECK_FALSE(server.start(call));
  server.state->error.clear();
  server.state->answer =
      answers({(password.empty() ? "" : "+OK\r\n") + std::string(call.ask_role ? "*1\r\n$6\r\nmaster\r\n" : "") + granted});
  server.now = *server.engine->interest().wake;
  const auto reply = server.advance();
  REQUIRE(reply);
  CHECK(reply->answer);
  CHECK(server.connections == 2);
}

TEST_CASE("engine: a failure on this machine is local, unless an address failed for another reason") {
  OneServer server;
  server.state->connected = false;
  server.state->error = "Too many open files";
  server.state->local = true;
  const auto reply = server.start(OneServer::acquire());
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::local);
  CHECK(reply->answer.error().text == "cannot connect to redis.example:6379: Too many open files");
  server.state->local = false;
  const auto refused = server.start(OneServer::acquire());
  REQUIRE(refused);
  CHECK(refused->answer.error().fault == engine::Fault::unreachable);
}

TEST_CASE_FIXTURE(Engine, "engine: after an address failed in any way, the next call resolves the name again") {
  servers[2] = pong;
  SUBCASE("not the primary") { servers[1] = "-READONLY You can't write against a read only replica.\r\n"; }
  SUBCASE("closed early") { servers[1] = "CLOSE"; }
  SUBCASE("silent") { servers[1] = ""; }
  const auto engine = over({{numbered(1)}, {numbered(2)}});
  engine::Call call;
  call.args = {"PING"};
  const Instant now = BootClock::now();
  call.deadline = now + Millis(1000);
  engine->start(call, now);
  auto reply = engine->advance(POLLIN, now);
  if (servers[1] == "CLOSE") {
    states[0]->arrived.clear();
    states[0]->error = "Connection reset by peer";
  }
  if (!reply) reply = engine->advance(POLLIN, now);
  if (!reply) reply = engine->advance(0, call.deadline);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<int>{1, 2});
  CHECK(looks == 2);
}

TEST_CASE_FIXTURE(Engine, "engine: while the name cannot be resolved, the known addresses are tried") {
  servers[1] = pong;
  const auto engine = over({{numbered(1)}, {}});
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  states.back()->error = "Connection reset by peer";
  servers.erase(1);
  CHECK_FALSE(ask(*engine).answer);
  servers[1] = pong;
  CHECK(ask(*engine).answer == engine::Values{"pong"});
  CHECK(looks >= 2);
}
