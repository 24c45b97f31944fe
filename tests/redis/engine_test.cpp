#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <poll.h>

#include <doctest/doctest.h>

#include "engine/ask.hpp"
#include "lock/record.hpp"
#include "lock/verbs.hpp"
#include "support/fake_server.hpp"
#include "support/redis_server.hpp"
#include "util/fd.hpp"

using namespace condolock;
using engine::redis::RedisEngine;
using engine::redis::Target;
using support::FakeServer;
using support::RedisServer;

namespace {

const lock::Job job{"ns", "K"};

lock::Attempt attempt(const std::string& token) {
  lock::Attempt attempt;
  attempt.job = job;
  attempt.token = token;
  attempt.who = "1 h";
  attempt.lease = Millis(60'000);
  return attempt;
}

engine::Call acquire(const std::string& token) { return lock::acquire_call(attempt(token), {}); }

// Makes only one attempt, unlike ask().
engine::Reply once(engine::Engine& engine, engine::Call call, Millis patience = Millis(5000)) {
  Instant now = BootClock::now();
  call.deadline = now + patience;
  engine.start(std::move(call), now);
  short revents = 0;
  for (;;) {
    now = BootClock::now();
    if (auto reply = engine.advance(revents, now)) return *std::move(reply);
    const engine::Interest interest = engine.interest();
    pollfd wanted{interest.fd, interest.events, 0};
    const auto left = std::chrono::ceil<Millis>(interest.wake.value_or(now + Millis(10)) - now);
    revents = poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) > 0 ? wanted.revents : short{0};
  }
}

engine::Failure failure_of(const engine::Reply& reply) {
  REQUIRE(!reply.answer.has_value());
  return reply.answer.error();
}

std::string code_of(const engine::Reply& reply) {
  if (!reply.answer) FAIL(reply.answer.error().text);
  return reply.answer.value()[0];
}

Target with(Target target, const std::string& user, const std::string& password, int database = 0) {
  target.user = user;
  target.password = password;
  target.database = database;
  return target;
}

// A loopback port without a listener.
std::uint16_t free_port() {
  const util::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  socklen_t length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// How many connections the server has accepted so far.
int connections(RedisServer& server) {
  const std::string stats = server.command({"INFO", "stats"});
  const std::string name = "total_connections_received:";
  return std::stoi(stats.substr(stats.find(name) + name.size()));
}

// During its lifetime, this process can open no more than `left` further descriptors.
class Scarce {
 public:
  explicit Scarce(int left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    const util::Fd lowest(dup(0));
    limit.rlim_cur = static_cast<rlim_t>(lowest.get()) + static_cast<rlim_t>(left);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  Scarce(const Scarce&) = delete;
  Scarce& operator=(const Scarce&) = delete;
  ~Scarce() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

const std::string granted = "*4\r\n$7\r\ngranted\r\n$2\r\n17\r\n$1\r\n1\r\n$0\r\n\r\n";

}  // namespace

TEST_CASE("every script is sent as EVALSHA, and as EVAL if the server does not know it") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  const lock::Grant grant{17, 1000, {}};
  for (const engine::Call& call : {acquire("a"), lock::renew_call(attempt("a"), grant),
                                   lock::finish_call(attempt("a"), grant, lock::Outcome::success, 0),
                                   lock::touch_call(attempt("c"), lock::Outcome::success, 0), lock::pause_call(job, {}, ""),
                                   lock::resume_call(job), lock::unlock_call(job, true), lock::reset_call(job),
                                   lock::records_call("ns", {"K"}), lock::names_call("ns"), lock::history_call(job, 20)}) {
    CAPTURE(call.script->name);
    server.command({"SCRIPT", "FLUSH"});
    server.command({"CONFIG", "RESETSTAT"});
    code_of(once(engine, call));
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_eval:calls=1") != std::string::npos);
    CHECK(server.command({"SCRIPT", "EXISTS", std::string(call.script->sha1)}) == "1");
    server.command({"CONFIG", "RESETSTAT"});
    code_of(once(engine, call));
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_evalsha:calls=1") != std::string::npos);
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_eval:") == std::string::npos);
  }
}

TEST_CASE("abandon is always sent as EVAL, whatever the server has cached") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  for (int i = 0; i < 2; ++i) {
    server.command({"CONFIG", "RESETSTAT"});
    CHECK(code_of(once(engine, lock::abandon_call(attempt("b" + std::to_string(i))))) == "abandoned");
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_eval:calls=1") != std::string::npos);
    CHECK(server.command({"INFO", "commandstats"}).find("cmdstat_evalsha:") == std::string::npos);
  }
}

TEST_CASE("many calls use one connection, and a new one after the server closed it") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  code_of(once(engine, acquire("a")));
  const int before = connections(server);
  code_of(once(engine, acquire("a")));
  CHECK(connections(server) == before);
  server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  CHECK(code_of(once(engine, acquire("a"))) == "granted");  // noticed before sending, so no attempt is wasted
  CHECK(connections(server) == before + 1);
}

TEST_CASE("a password, an ACL user and a database are used") {
  RedisServer server({"--requirepass", "sec ret"});
  server.command({"AUTH", "sec ret"});
  server.command({"ACL", "SETUSER", "job", "on", ">pw", "~{ns}:*", "+@all"});
  server.command({"ACL", "SETUSER", "free", "on", "nopass", "~{ns}:*", "+@all"});
  RedisEngine by_password(with(server.target(), "", "sec ret"));
  CHECK(code_of(once(by_password, acquire("a"))) == "granted");
  RedisEngine by_user(with(server.target(), "job", "pw", 3));
  CHECK(code_of(once(by_user, acquire("b"))) == "granted");  // another database, so the lease is free
  server.command({"SELECT", "3"});
  CHECK(server.command({"HGET", "{ns}:job:K", "h_token"}) == "b");
  RedisEngine by_name_alone(with(server.target(), "free", "", 4));
  CHECK(code_of(once(by_name_alone, acquire("c"))) == "granted");

  for (const Target& target : {server.target(), with(server.target(), "", "wrong"), with(server.target(), "job", "wrong")}) {
    RedisEngine engine(target);
    const engine::Failure failure = failure_of(once(engine, acquire("x")));
    CHECK(failure.fault == engine::Fault::denied);
    CHECK_FALSE(failure.may_have_run);
    CHECK(failure.text.find("wrong") == std::string::npos);
  }
}

TEST_CASE("AUTH failed but the script ran as the default user: void, and abandoned on that connection") {
  RedisServer& server = support::empty_server();  // requires no password
  RedisEngine engine(with(server.target(), "nobody", "wrong"));
  const engine::Failure failure = failure_of(once(engine, acquire("a")));
  CHECK(failure.fault == engine::Fault::denied);
  CHECK(failure.voided);
  CHECK(failure.may_have_run);
  CHECK(server.command({"HGET", "{ns}:job:K", "h_token"}) == "a");
  engine::Call abandon = lock::abandon_call(attempt("a"));
  abandon.same_session = true;
  CHECK(code_of(once(engine, abandon)) == "abandoned");
  CHECK(server.command({"HEXISTS", "{ns}:job:K", "h_token"}) == "0");
  // Any other call gets a new connection, and fails again.
  CHECK(failure_of(once(engine, acquire("b"))).voided);
}

TEST_CASE("SELECT failed: the grant in database 0 is void") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(with(server.target(), "", "", 99));
  const engine::Failure failure = failure_of(once(engine, acquire("a")));
  CHECK(failure.fault == engine::Fault::misconfigured);
  CHECK(failure.voided);
  engine::Call abandon = lock::abandon_call(attempt("a"));
  abandon.same_session = true;
  CHECK(code_of(once(engine, abandon)) == "abandoned");
  CHECK(server.command({"HEXISTS", "{ns}:job:K", "h_token"}) == "0");
}

TEST_CASE("AUTH or SELECT refused, then no answer to the script: still refused") {
  const std::vector<std::pair<std::string, engine::Fault>> handshakes{
      {"-WRONGPASS invalid\r\n", engine::Fault::denied},
      {"-ERR what?\r\n", engine::Fault::denied},
      {"+OK\r\n-ERR what?\r\n", engine::Fault::misconfigured}};
  for (const auto& [handshake, fault] : handshakes) {
    for (const std::string then : {"CLOSE", ""}) {  // closes the connection, is silent
      const std::string all = handshake + then;
      CAPTURE(all);
      FakeServer server({handshake + then});
      RedisEngine engine(with(server.target(), "", "wrong", 3));
      const engine::Failure failure = failure_of(once(engine, acquire("a"), Millis(then.empty() ? 1000 : 5000)));
      CHECK(failure.fault == fault);
      CHECK(failure.may_have_run);  // it is unknown
      CHECK_FALSE(failure.voided);  // there is no session left to abandon it in
      CHECK(failure.text.find(server.target().path + " says: ") == 0);
    }
  }
  // A server that is not ready has not refused.
  FakeServer server({"-LOADING x\r\nCLOSE"});
  RedisEngine engine(with(server.target(), "", "right"));
  CHECK(failure_of(once(engine, acquire("a"), Millis(2000))).fault == engine::Fault::not_ready);
}

TEST_CASE("same_session without a connection is a failure, not a new connection") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  engine::Call abandon = lock::abandon_call(attempt("a"));
  abandon.same_session = true;
  CHECK(failure_of(once(engine, abandon)).fault == engine::Fault::unreachable);
}

TEST_CASE("a missing permission is denied, whether the server or the script reports it") {
  RedisServer& server = support::empty_server();
  server.command({"ACL", "SETUSER", "nokeys", "on", ">pw", "resetkeys", "+@all"});
  server.command({"ACL", "SETUSER", "noeval", "on", ">pw", "~*", "+@all", "-@scripting"});
  server.command({"ACL", "SETUSER", "nozadd", "on", ">pw", "~*", "+@all", "-zadd"});
  for (const char* user : {"nokeys", "noeval", "nozadd"}) {
    CAPTURE(user);
    RedisEngine engine(with(server.target(), user, "pw"));
    const engine::Failure failure = failure_of(once(engine, acquire("a")));
    CHECK(failure.fault == engine::Fault::denied);
    CHECK(server.command({"DBSIZE"}) == "0");  // no partial write
  }
}

TEST_CASE("no listener: unreachable at once, and the text names the address") {
  Target nowhere;
  nowhere.port = free_port();
  RedisEngine tcp(nowhere);
  const engine::Failure refused = failure_of(once(tcp, acquire("a")));
  CHECK(refused.fault == engine::Fault::unreachable);
  CHECK_FALSE(refused.may_have_run);
  CHECK(refused.text == "cannot connect to " + nowhere.shown() + ": Connection refused");
  Target missing = support::empty_server().target();
  missing.path += ".no";
  RedisEngine local(missing);
  CHECK(failure_of(once(local, acquire("a"))).text == "cannot connect to " + missing.path + ": No such file or directory");
}

TEST_CASE("host names are resolved") {
  const std::uint16_t port = free_port();
  RedisServer server({"--port", std::to_string(port), "--bind", "127.0.0.1"});
  Target target;
  target.host = "localhost";
  target.port = port;
  RedisEngine engine(target);
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
  target.host = "no-such-host.invalid";
  RedisEngine nowhere(target);
  const engine::Failure failure = failure_of(once(nowhere, acquire("a"), Millis(3000)));
  CHECK(failure.fault == engine::Fault::unreachable);
  CHECK(failure.text.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("a host's addresses are kept, and resolved again if none of them answers") {
  Target target;
  target.host = "localhost";
  target.port = free_port();
  auto server =
      std::make_unique<RedisServer>(std::vector<std::string>{"--port", std::to_string(target.port), "--bind", "127.0.0.1"});
  RedisEngine engine(target);
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
  server->command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  {
    const Scarce scarce(0);  // only the broken connection's descriptor is left, so no name can be resolved
    CHECK(code_of(once(engine, acquire("a"))) == "granted");
  }
  server.reset();
  const engine::Failure failure = failure_of(once(engine, acquire("a")));
  CHECK(failure.fault == engine::Fault::unreachable);
  CHECK(failure.text.find("cannot connect to ") == 0);
  const Scarce scarce(0);
  CHECK(failure_of(once(engine, acquire("a"))).text ==
        "cannot connect to localhost:" + std::to_string(target.port) + ": Too many open files");
}

TEST_CASE("a look-up that cannot be started is a failure of this machine, and the next one may start") {
  const std::uint16_t port = free_port();
  RedisServer server({"--port", std::to_string(port), "--bind", "127.0.0.1"});
  Target target;
  target.host = "localhost";
  target.port = port;
  RedisEngine engine(target);
  {
    const Scarce scarce(0);
    const engine::Failure failure = failure_of(once(engine, acquire("a")));
    CHECK(failure.fault == engine::Fault::local);
    CHECK_FALSE(failure.may_have_run);
  }
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
}

TEST_CASE("no answer: the deadline applies to the whole exchange, and the connection is not used again") {
  FakeServer server({"", granted});
  RedisEngine engine(server.target());
  const Instant start = BootClock::now();
  const engine::Failure failure = failure_of(once(engine, acquire("a"), Millis(80)));
  CHECK(BootClock::now() - start >= Millis(80));
  CHECK(BootClock::now() - start < Millis(20'000));
  CHECK(failure.fault == engine::Fault::unreachable);
  CHECK(failure.may_have_run);
  CHECK(failure.text.find("no answer from " + server.target().path + " within ") == 0);
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
  CHECK(server.connections() == 2);
}

TEST_CASE("a cancelled call gets no reply, and its connection is not used again") {
  FakeServer server({"", granted});
  RedisEngine engine(server.target());
  engine::Call call = acquire("a");
  call.deadline = BootClock::now() + Millis(5000);
  engine.start(call, BootClock::now());
  engine.advance(POLLOUT, BootClock::now());
  engine.cancel();
  CHECK_FALSE(engine.advance(0, BootClock::now() + Millis(10'000)));
  CHECK(engine.interest().fd == -1);
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
}

TEST_CASE("a connection that breaks is unreachable") {
  FakeServer server({"CLOSE", "*4\r\n$7\r\ngraCLOSE"});
  RedisEngine engine(server.target());
  for (int i = 0; i < 2; ++i) {
    const engine::Failure failure = failure_of(once(engine, acquire("a")));
    CHECK(failure.fault == engine::Fault::unreachable);
    CHECK(failure.may_have_run);
    CHECK(failure.text.find("broke: ") != std::string::npos);
  }
}

TEST_CASE("a server that is not ready is asked again until the deadline") {
  for (const std::string text : {"LOADING Redis is loading", "BUSY busy", "CLUSTERDOWN x", "TRYAGAIN x", "MASTERDOWN x"}) {
    const std::string not_ready = "-" + text + "\r\n";
    FakeServer server({not_ready, not_ready, granted});
    RedisEngine engine(server.target());
    CHECK(code_of(once(engine, acquire("a"))) == "granted");
    CHECK(server.connections() == 3);
  }
  FakeServer never(std::vector<std::string>(100, "-LOADING Redis is loading\r\n"));
  RedisEngine engine(never.target());
  // The deadline comes during a pause, so no request is outstanding.
  engine::Call call = acquire("a");
  call.deadline = BootClock::now() + Millis(60'000);
  engine.start(call, BootClock::now());
  short revents = 0;
  for (;;) {
    REQUIRE_FALSE(engine.advance(revents, BootClock::now()));
    pollfd wanted{engine.interest().fd, engine.interest().events, 0};
    if (wanted.fd < 0) break;
    poll(&wanted, 1, 5000);
    revents = wanted.revents;
  }
  const auto reply = engine.advance(0, call.deadline);
  REQUIRE(reply);
  const engine::Failure failure = failure_of(*reply);
  CHECK(failure.fault == engine::Fault::not_ready);
  CHECK_FALSE(failure.may_have_run);
  CHECK(failure.text.find("LOADING") != std::string::npos);
}

TEST_CASE("a real server that is busy with another script is not ready") {
  RedisServer server({"--busy-reply-threshold", "10"});
  RedisEngine engine(server.target());
  std::thread busy([&] {
    try {
      server.command({"EVAL",
                      "local t = redis.call('TIME') local u = t[1]*1e6+t[2]+300000 repeat t = redis.call('TIME') until "
                      "t[1]*1e6+t[2] > u",
                      "0"});
    } catch (const std::exception&) {
      FAIL("the busy script failed");
    }
  });
  CHECK(code_of(once(engine, acquire("a"))) == "granted");
  busy.join();
}

TEST_CASE("replies that the protocol does not allow are unexpected") {
  for (const std::string text :
       {"HTTP/1.1 400 Bad Request\r\n", "*2147483647\r\n*2147483647\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        "*-1\r\n", "+OK\r\n", "$2\r\nhi\r\n", ":1\r\n", "*0\r\n", "*1\r\n*1\r\n:1\r\n", "*2\r\n$7\r\ngranted\r\n$-1\r\n",
        "-ERR unknown command\r\n"}) {
    CAPTURE(text);
    FakeServer server({text});
    RedisEngine engine(server.target());
    CHECK(failure_of(once(engine, acquire("a"))).fault == engine::Fault::unexpected);
  }
}

TEST_CASE("a real primary refuses a write: nothing is written, and abandon still works") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  code_of(once(engine, acquire("holder")));
  const std::string held = server.command({"DUMP", "{ns}:job:K"});
  const auto refused = [&](const std::string& setting, const std::string& value, const std::string& back,
                           const std::string& code) {
    server.command({"CONFIG", "SET", setting, value});
    const engine::Failure failure = failure_of(once(engine, acquire("a")));
    CHECK(failure.fault == engine::Fault::write_refused);
    CHECK(failure.text.find(code) != std::string::npos);
    CHECK(server.command({"DUMP", "{ns}:job:K"}) == held);
    server.command({"CONFIG", "SET", setting, back});
  };
  refused("maxmemory", "1", "0", "OOM");
  refused("min-replicas-to-write", "1", "0", "NOREPLICAS");
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  CHECK(code_of(once(engine, lock::abandon_call(attempt("holder")))) == "abandoned");
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(server.command({"HEXISTS", "{ns}:job:K", "h_token"}) == "0");
}

TEST_CASE("MISCONF: a real primary that cannot save refuses writes") {
  // Its directory is removed, so a background save fails.
  auto directory = std::make_unique<support::TemporaryDirectory>();
  RedisServer server({"--dir", directory->path()});
  directory.reset();
  server.command({"SET", "x", "1"});
  server.command({"CONFIG", "SET", "save", "3600 1"});
  server.command({"BGSAVE"});
  const Instant until = BootClock::now() + std::chrono::seconds(20);
  while (server.command({"INFO", "persistence"}).find("rdb_last_bgsave_status:err") == std::string::npos) {
    REQUIRE(BootClock::now() < until);
    poll(nullptr, 0, 10);
  }
  RedisEngine engine(server.target());
  const engine::Failure failure = failure_of(once(engine, acquire("a")));
  CHECK(failure.fault == engine::Fault::write_refused);
  CHECK(failure.text.find("MISCONF") != std::string::npos);
}

TEST_CASE("a replica refuses a script, and says that it is a replica") {
  RedisServer server;
  RedisEngine warm(server.target());
  code_of(once(warm, acquire("a")));
  server.command({"REPLICAOF", "127.0.0.1", std::to_string(free_port())});
  RedisEngine engine(server.target());
  const engine::Failure failure = failure_of(once(engine, acquire("b")));
  CHECK(failure.fault == engine::Fault::not_primary);
  // A skip is a write too, so a replica cannot give a wrong one.
  CHECK(failure_of(once(engine, lock::acquire_call(attempt("b"), {lock::AccessedPrior{"x", Millis(1)}}))).fault ==
        engine::Fault::not_primary);
  engine::Call read = lock::records_call("ns", {"K"});
  const engine::Reply reply = once(engine, read);
  CHECK(code_of(reply) == "records");
  CHECK(reply.from_primary == false);
  server.command({"REPLICAOF", "NO", "ONE"});
  CHECK(once(engine, read).from_primary == true);
}

TEST_CASE("the time that a lease counts from is taken before the attempt that was answered") {
  FakeServer server({"-LOADING x\r\n", granted});
  RedisEngine engine(server.target());
  const Instant before = BootClock::now();
  const engine::Reply reply = once(engine, acquire("a"));
  CHECK(reply.sent >= before + Millis(50));  // of the second attempt
  CHECK(reply.sent <= BootClock::now());
}

TEST_CASE("a call that sleeps first is woken by a push, or when its time is over") {
  RedisServer& server = support::empty_server();
  RedisEngine engine(server.target());
  engine::Call call = acquire("a");
  call.wait = engine::Wait{"{ns}:wake:K", Millis(50)};
  Instant before = BootClock::now();
  CHECK(code_of(once(engine, call)) == "granted");
  CHECK(BootClock::now() - before >= Millis(50));
  CHECK(BootClock::now() - before < Millis(20'000));
  server.command({"RPUSH", "{ns}:wake:K", "1"});
  call.wait->at_most = Millis(30'000);
  before = BootClock::now();
  CHECK(code_of(once(engine, call, Millis(35'000))) == "granted");
  CHECK(BootClock::now() - before < Millis(20'000));
  CHECK(server.command({"EXISTS", "{ns}:wake:K"}) == "0");
}

TEST_CASE("connecting does not use up the time for sleeping") {
  // A listener that accepts no connection and whose queue is full: new connections hang.
  const util::Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(listen(listener.get(), 0) == 0);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const util::Fd first(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(first.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);

  RedisEngine engine(*engine::redis::parse_url("redis://127.0.0.1:" + std::to_string(ntohs(address.sin_port))));
  engine::Call call = acquire("a");
  call.wait = engine::Wait{"k", Millis(30'000)};
  const Instant before = BootClock::now();
  CHECK(failure_of(once(engine, call, Millis(30'200))).fault == engine::Fault::unreachable);
  CHECK(BootClock::now() - before >= Millis(200));
  CHECK(BootClock::now() - before < Millis(20'000));
}

TEST_CASE("a user without BLPOP is denied, and the grant is abandoned on the same connection") {
  RedisServer& server = support::empty_server();
  server.command({"ACL", "SETUSER", "sleepless", "on", ">pw", "~*", "+@all", "-blpop"});
  RedisEngine engine(with(server.target(), "sleepless", "pw"));
  engine::Call call = acquire("a");
  CHECK(code_of(once(engine, call)) == "granted");  // from now on, the server knows the script
  call.wait = engine::Wait{"{ns}:wake:K", Millis(30'000)};
  const engine::Failure failure = failure_of(once(engine, call, Millis(35'000)));
  CHECK(failure.fault == engine::Fault::denied);
  CHECK(failure.voided);
  CHECK(failure.text.find("blpop") != std::string::npos);
  engine::Call back = lock::abandon_call(attempt("a"));
  back.same_session = true;
  CHECK(code_of(once(engine, back)) == "abandoned");
  server.command({"ACL", "DELUSER", "sleepless"});
}

TEST_CASE("the time that a lease counts from is taken before sending, however late the answer comes") {
  FakeServer server({"LATE" + granted});
  RedisEngine engine(server.target());
  const Instant before = BootClock::now();
  const engine::Reply reply = once(engine, acquire("a"));
  CHECK(code_of(reply) == "granted");
  CHECK(reply.sent >= before);
  CHECK(BootClock::now() - reply.sent >= Millis(100));
}
