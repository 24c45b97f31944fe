// The engine's policy alone, with a discovery and transports that the test controls. With real servers:
// tests/redis/engine_test.cpp.
#include "engine/redis/redis_engine.hpp"

#include <doctest/doctest.h>

#include <map>

#include "engine/redis/cluster_discovery.hpp"
#include "engine/redis/limits.hpp"
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
  CHECK(unknown.answer.error().text == "nobody knows");
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

// ---- Clusters

namespace {

const std::string hello = "*1\r\n$5\r\nHELLO\r\n";

std::string mode(const std::string& name) {
  return "*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nmode\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n";
}

// Nodes on 10.0.0.1 to 10.0.0.9. The URL names the first two.
struct Cluster {
  // By the node's host: what answers the nth write to it, the last one again and again. A node without an entry refuses.
  std::map<std::string, std::vector<std::string>> nodes;
  std::map<std::string, std::string> to_hello;  // what answers HELLO; without an entry, that this is a node of a Cluster
  std::vector<std::string> greeted;             // who was sent HELLO
  Millis elapsed{};                             // since the start of the call
  std::vector<std::string> connected_to;
  std::vector<std::string> writes;
  std::map<std::string, std::size_t> count;

  std::unique_ptr<RedisEngine> engine() {
    engine::redis::Target target;
    target.topology = engine::redis::Topology::cluster;
    for (const char* host : {"10.0.0.1", "10.0.0.2"}) target.others.emplace_back().host = host;
    return std::make_unique<RedisEngine>(target, std::make_unique<engine::redis::ClusterDiscovery>(target.others),
                                         [this](const Address& address) {
                                           connected_to.push_back(address.host);
                                           auto state = std::make_shared<FakeTransport::State>();
                                           if (nodes.count(address.host) == 0) {
                                             state->error = elapsed < Millis(850) ? "Connection refused" : "too late";
                                           } else {
                                             state->answer = [this, host = address.host](const std::string& bytes) {
                                               if (bytes == hello) {
                                                 greeted.push_back(host);
                                                 return to_hello.count(host) == 0 ? mode("cluster") : to_hello[host];
                                               }
                                               writes.push_back(bytes);
                                               const auto& texts = nodes[host];
                                               return texts[std::min(count[host]++, texts.size() - 1)];
                                             };
                                           }
                                           return std::make_unique<FakeTransport>(state);
                                         });
  }

  // The time of the test goes on by itself, so that a call that waits comes to its deadline.
  engine::Reply ask(engine::Engine& engine, bool final = false) {
    engine::Call call;
    call.args = {"GET", "k"};
    call.not_ready_is_final = final;
    const Instant start = BootClock::now();
    call.deadline = start + Millis(1000);
    elapsed = Millis(0);
    engine.start(call, start);
    for (; elapsed < Millis(2000); elapsed += Millis(1)) {
      if (auto reply = engine.advance(POLLIN, start + elapsed)) return *std::move(reply);
    }
    FAIL("no reply");
    return {};
  }
};

}  // namespace

TEST_CASE_FIXTURE(Cluster, "cluster: MOVED is followed, and the next call goes there at once") {
  nodes["10.0.0.1"] = {"-MOVED 866 10.0.0.7:6379\r\n"};
  nodes["10.0.0.7"] = {pong};
  const auto cluster = engine();
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<std::string>{"10.0.0.1", "10.0.0.7"});
}

TEST_CASE_FIXTURE(Cluster, "cluster: a MOVED without a host means the host of the node that says so") {
  nodes["10.0.0.1"] = {"-MOVED 866 :7000\r\n", pong};
  const auto cluster = engine();
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  CHECK(connected_to == std::vector<std::string>{"10.0.0.1", "10.0.0.1"});
}

TEST_CASE_FIXTURE(Cluster, "cluster: ASK is followed with ASKING before the command, for this call only") {
  nodes["10.0.0.1"] = {"-ASK 866 10.0.0.7:6379\r\n"};
  nodes["10.0.0.7"] = {"+OK\r\n" + pong, "-MOVED 866 10.0.0.1:6379\r\n", "+OK\r\n" + pong};
  const auto cluster = engine();
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  REQUIRE(writes.size() == 2);
  CHECK(writes[1] == "*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  CHECK(writes[2] == "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
}

// FAULTS 19.
TEST_CASE_FIXTURE(Cluster, "cluster: nodes that name each other again and again are asked a bounded number of times") {
  nodes["10.0.0.1"] = {"-MOVED 866 10.0.0.2:6379\r\n"};
  nodes["10.0.0.2"] = {"-MOVED 866 10.0.0.1:6379\r\n"};
  const auto cluster = engine();
  const auto reply = ask(*cluster);
  REQUIRE_FALSE(reply.answer);
  CHECK(reply.answer.error().fault == engine::Fault::not_ready);
  CHECK_FALSE(reply.answer.error().may_have_run);
  CHECK(reply.answer.error().text.find("again and again") != std::string::npos);
  CHECK(writes.size() <= (engine::redis::limits::max_redirections + 1) * 20U);  // pauses of at least 50 ms in 1 s
  writes.clear();
  const auto final = ask(*cluster, true);
  REQUIRE_FALSE(final.answer);
  CHECK(final.answer.error().fault == engine::Fault::not_ready);
  CHECK(writes.size() == engine::redis::limits::max_redirections + 1U);
}

TEST_CASE_FIXTURE(Cluster, "cluster: a node that is gone, and named all the same, is asked until another takes over") {
  nodes["10.0.0.1"] = {"-MOVED 866 10.0.0.7:6379\r\n", "-MOVED 866 10.0.0.7:6379\r\n", "-MOVED 866 10.0.0.8:6379\r\n"};
  nodes["10.0.0.8"] = {pong};
  const auto cluster = engine();
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
}

TEST_CASE_FIXTURE(Cluster,
                  "cluster: if no node answers, the call fails at its deadline with what happened, and not just before it") {
  const auto cluster = engine();
  const auto reply = ask(*cluster);
  REQUIRE_FALSE(reply.answer);
  CHECK(reply.answer.error().fault == engine::Fault::unreachable);
  CHECK(reply.answer.error().text.find(": Connection refused (tried for 1s)") != std::string::npos);
  const auto final = ask(*cluster, true);
  REQUIRE_FALSE(final.answer);
  CHECK(final.answer.error().fault == engine::Fault::unreachable);
}

TEST_CASE_FIXTURE(Cluster, "cluster: a call that slept and is then sent on says so, and the next one goes there") {
  nodes["10.0.0.1"] = {"-MOVED 866 10.0.0.7:6379\r\n-MOVED 866 10.0.0.7:6379\r\n"};
  nodes["10.0.0.7"] = {pong};
  const auto cluster = engine();
  engine::Call call;
  call.args = {"GET", "k"};
  call.not_ready_is_final = true;
  call.wait = engine::Wait{"wake", Millis(5000)};
  const Instant now = BootClock::now();
  call.deadline = now + Millis(6000);
  cluster->start(call, now);
  for (int i = 0; i < 2; ++i) CHECK_FALSE(cluster->advance(POLLIN, now));  // HELLO, then BLPOP
  const auto reply = cluster->advance(POLLIN, now + Millis(4500));
  REQUIRE(reply);
  REQUIRE_FALSE(reply->answer);
  CHECK(reply->answer.error().fault == engine::Fault::not_ready);
  CHECK(reply->answer.error().text == "10.0.0.1:6379 names 10.0.0.7:6379");
  CHECK(ask(*cluster).answer == engine::Values{"pong"});
  CHECK(connected_to.back() == "10.0.0.7");
}

TEST_CASE_FIXTURE(Cluster, "cluster: CLUSTERDOWN of one node is not the last word") {
  nodes["10.0.0.1"] = {"-CLUSTERDOWN The cluster is down\r\n"};
  nodes["10.0.0.2"] = {pong};
  CHECK(ask(*engine()).answer == engine::Values{"pong"});
}

TEST_CASE_FIXTURE(Cluster, "cluster: a server that belongs to no Cluster gets nothing but HELLO") {
  nodes["10.0.0.1"] = {pong};
  for (const std::string& reply : {mode("standalone"), mode("sentinel"), std::string("*0\r\n")}) {
    to_hello["10.0.0.1"] = reply;
    const auto answer = ask(*engine()).answer;
    REQUIRE_FALSE(answer);
    CHECK(answer.error().fault == engine::Fault::misconfigured);
    CHECK_FALSE(answer.error().may_have_run);
    CHECK(answer.error().text.find("10.0.0.1:6379 belongs to no Cluster") == 0);
  }
  CHECK(writes.empty());
}

TEST_CASE_FIXTURE(Cluster,
                  "cluster: each connection to a node of the URL begins with HELLO, and none to a node that another names") {
  nodes["10.0.0.1"] = {"-MOVED 866 10.0.0.2:6379\r\n"};
  nodes["10.0.0.2"] = {"-MOVED 866 10.0.0.7:6379\r\n"};
  nodes["10.0.0.7"] = {pong};
  to_hello["10.0.0.7"] = mode("standalone");
  CHECK(ask(*engine()).answer == engine::Values{"pong"});
  CHECK(greeted == std::vector<std::string>{"10.0.0.1"});
}

TEST_CASE("cluster: a node that another names need not prove itself at its second address either") {
  struct TwoAddresses : FakeDiscovery {
    using FakeDiscovery::FakeDiscovery;
    std::string proof() const override { return "HELLO"; }
    bool redirect(const engine::redis::Endpoint& /*to*/) override { return true; }
  };
  Address refused = numbered(2);
  Address answers = numbered(3);
  refused.shown = answers.shown = "named.example:6379";
  const std::vector<FakeDiscovery::Addresses> looked_up{{numbered(1)}, {refused, answers, numbered(1)}};
  std::vector<socklen_t> greeted;
  int looks = 0;
  RedisEngine engine({}, std::make_unique<TwoAddresses>(looked_up, looks), [&](const Address& address) {
    auto state = std::make_shared<FakeTransport::State>();
    if (address.length == 2) state->error = "Connection refused";
    state->answer = [&, number = address.length](const std::string& bytes) -> std::string {
      if (bytes == hello) greeted.push_back(number);
      if (bytes == hello) return mode("cluster");
      return number == 1 ? "-MOVED 866 named.example:6379\r\n" : pong;
    };
    return std::make_unique<FakeTransport>(state);
  });
  CHECK(Engine::ask(engine).answer == engine::Values{"pong"});
  CHECK(greeted == std::vector<socklen_t>{1});
}

TEST_CASE_FIXTURE(Cluster, "cluster: a node that refuses HELLO is not used") {
  nodes["10.0.0.1"] = {pong};
  to_hello["10.0.0.1"] = "-ERR unknown command 'HELLO', with args beginning with: \r\n";
  const auto unknown = ask(*engine()).answer;
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().text ==
        "10.0.0.1:6379 says: ERR unknown command 'HELLO' (this server has no HELLO: see rename-command in its "
        "configuration; Redis before 6.2 is too old)");
  CHECK(writes.empty());
}

// A user need not have the permission: a script has several keys, for which the node refuses ASKING until it has them all.
TEST_CASE_FIXTURE(Cluster, "cluster: a user who may not send ASKING waits until the keys have moved") {
  nodes["10.0.0.1"] = {"-ASK 866 10.0.0.7:6379\r\n"};
  const std::string refused = "-NOPERM this user has no permissions to run the 'asking' command\r\n";
  nodes["10.0.0.7"] = {refused + "-MOVED 866 10.0.0.1:6379\r\n", refused + "-MOVED 866 10.0.0.1:6379\r\n", refused + pong};
  CHECK(ask(*engine()).answer == engine::Values{"pong"});
}

TEST_CASE("a node of a Cluster under redis:// says which URL to write") {
  for (const char* text : {"-MOVED 866 10.0.0.7:6379\r\n", "-ASK 866 10.0.0.7:6379\r\n"}) {
    Engine fixture;
    fixture.servers[1] = text;
    const auto engine = fixture.over({{numbered(1)}});
    const auto reply = Engine::ask(*engine);
    REQUIRE_FALSE(reply.answer);
    CHECK(reply.answer.error().fault == engine::Fault::misconfigured);
    CHECK(reply.answer.error().text.find("write redis+cluster:// in the URL") != std::string::npos);
  }
}

// ---- replicas

namespace {

// A server on which a script answers "granted". `wait`: its reply to WAIT.
engine::Reply ask_for_replicas(const std::string& wait, std::vector<std::string>& writes) {
  static const scripts::Script script{"name", "return 1", "sha"};
  std::vector<std::string> replies{"*1\r\n$7\r\ngranted\r\n", ":1\r\n" + wait};
  engine::redis::Target target;
  target.host = "redis.example";
  auto state = std::make_shared<FakeTransport::State>();
  state->answer = [&](const std::string& bytes) {
    writes.push_back(bytes);
    return writes.size() <= replies.size() ? replies[writes.size() - 1] : "";
  };
  static int looks = 0;
  RedisEngine engine(target, std::make_unique<FakeDiscovery>(std::vector<FakeDiscovery::Addresses>{{numbered(1)}}, looks),
                     [&](const Address&) { return std::make_unique<FakeTransport>(state); });
  engine::Call call;
  call.script = &script;
  call.keys = {"{ns}:k"};
  call.replicas = engine::Replicas{2, {"granted"}, "{ns}:mark"};
  const Instant now = BootClock::now();
  call.deadline = now + Millis(1000);
  engine.start(call, now);
  for (int i = 0; i < 10; ++i) {
    if (auto reply = engine.advance(POLLIN, now)) return *std::move(reply);
  }
  FAIL("no reply");
  return {};
}

}  // namespace

TEST_CASE("engine: replicas confirm what a script wrote, after a change that the engine makes for that") {
  std::vector<std::string> writes;
  const auto reply = ask_for_replicas(":2\r\n", writes);
  CHECK(reply.answer == engine::Values{"granted"});
  REQUIRE(writes.size() == 2);
  CHECK(writes[1] ==
        "*4\r\n$4\r\nHSET\r\n$9\r\n{ns}:mark\r\n$5\r\nasked\r\n$1\r\n1\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$3\r\n750\r\n");
}

TEST_CASE("engine: too few replicas, and a server that answers WAIT with something else, may have run the script") {
  struct Case {
    const char* wait;
    engine::Fault fault;
    const char* text;
  };
  for (const Case& each :
       {Case{":1\r\n", engine::Fault::write_refused, "only 1 confirmed the change in time, but --wait-replicas is 2"},
        Case{":0\r\n", engine::Fault::write_refused, "no replica confirmed"},
        Case{"-ERR WAIT cannot be used with replica instances.\r\n", engine::Fault::not_primary, "WAIT cannot be used"},
        Case{"-UNBLOCKED force unblock\r\n", engine::Fault::not_primary, "UNBLOCKED"},
        Case{"-NOPERM this user has no permissions to run the 'wait' command\r\n", engine::Fault::denied, "+wait"},
        Case{"+OK\r\n", engine::Fault::unexpected, "not a number"}}) {
    CAPTURE(each.wait);
    std::vector<std::string> writes;
    const auto reply = ask_for_replicas(each.wait, writes);
    REQUIRE_FALSE(reply.answer);
    CHECK(reply.answer.error().fault == each.fault);
    CHECK(reply.answer.error().may_have_run);
    CHECK(reply.answer.error().text.find(each.text) != std::string::npos);
  }
}
