#include "engine/redis/session.hpp"

#include <doctest/doctest.h>

#include "support/fake_transport.hpp"

using namespace condolock;
namespace limits = engine::redis::limits;
using engine::redis::RespValue;
using engine::redis::Session;
using engine::redis::Target;
using support::FakeTransport;

namespace {

struct Wire {
  std::shared_ptr<FakeTransport::State> state = std::make_shared<FakeTransport::State>();
  Target target;

  Session session() { return {std::make_unique<FakeTransport>(state), target}; }
  // The server's bytes arrive.
  void arrives(Session& session, const std::string& bytes) {
    state->arrived += bytes;
    session.advance(POLLIN);
  }
};

std::string text_of(const std::optional<RespValue>& reply) { return reply ? reply->text : "none"; }

}  // namespace

TEST_CASE_FIXTURE(Wire, "session: AUTH and SELECT go out in one write with the first command, and only then") {
  target.user = "u";
  target.password = "p";
  target.database = 3;
  Session one = session();
  one.send("PING\r\n", 1);
  CHECK(state->writes ==
        std::vector<std::string>{"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                                 "PING\r\n"});
  arrives(one, "+OK\r\n+OK\r\n+PONG\r\n");
  CHECK(text_of(one.next_reply()) == "PONG");
  CHECK_FALSE(one.handshake_error());
  one.send("PING\r\n", 1);
  CHECK(state->writes.back() == "PING\r\n");
}

TEST_CASE_FIXTURE(Wire, "session: AUTH is sent for a user without a password, and for a password without a user") {
  target.user = "u";
  Session named = session();
  named.send("PING\r\n", 1);
  CHECK(state->writes.back() == "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$0\r\n\r\nPING\r\n");
  target.user.clear();
  target.password = "p";
  Session unnamed = session();
  unnamed.send("PING\r\n", 1);
  CHECK(state->writes.back() == "*2\r\n$4\r\nAUTH\r\n$1\r\np\r\nPING\r\n");
}

TEST_CASE_FIXTURE(Wire, "session: a handshake error is known with the reply after it, and forgotten in the next exchange") {
  target.password = "p";
  target.database = 3;
  Session one = session();
  one.send("PING\r\n", 1);
  arrives(one, "-ERR invalid password\r\n-ERR DB index is out of range\r\n+PONG\r\n");
  CHECK(text_of(one.next_reply()) == "PONG");
  REQUIRE(one.handshake_error());
  CHECK(one.handshake_error()->fault == engine::Fault::denied);
  CHECK(one.handshake_error()->text == "ERR invalid password");
  one.send("PING\r\n", 1);
  CHECK_FALSE(one.handshake_error());
}

TEST_CASE_FIXTURE(Wire, "session: an error that repeats the password is not shown") {
  target.password = "p4ssw0rd";
  const auto shown = [this](const std::string& error) {
    Session one = session();
    one.send("PING\r\n", 1);
    arrives(one, "-" + error + "\r\n+PONG\r\n");
    CHECK(text_of(one.next_reply()) == "PONG");
    REQUIRE(one.handshake_error());
    CHECK(one.handshake_error()->fault == engine::Fault::denied);
    return one.handshake_error()->text;
  };
  CHECK(shown("ERR unknown command 'AUTH', with args beginning with: 'p4ssw'") == "ERR unknown command 'AUTH'");
  CHECK(shown("ERR p4ssw0rd is wrong") == "an error that repeats the password");
  CHECK(shown("WRONGPASS invalid username-password pair") == "WRONGPASS invalid username-password pair");
}

TEST_CASE_FIXTURE(Wire, "session: replies come in order, whatever portions they arrive in") {
  Session one = session();
  one.send("A\r\nB\r\n", 2);
  one.send_next("C\r\n", 1);
  arrives(one, "+a\r\n+");
  CHECK(text_of(one.next_reply()) == "a");
  CHECK(text_of(one.next_reply()) == "none");
  arrives(one, "b\r\n:7\r\n");
  CHECK(text_of(one.next_reply()) == "b");
  CHECK_FALSE(one.is_idle());
  CHECK(text_of(one.next_reply()) == "7");
  CHECK(one.is_idle());
}

TEST_CASE_FIXTURE(Wire, "session: unexpected bytes make it unfit for another exchange") {
  Session one = session();
  one.send("A\r\n", 1);
  arrives(one, "+a\r\n");
  CHECK(text_of(one.next_reply()) == "a");
  state->arrived = "+b\r\n";
  CHECK_FALSE(one.is_idle());

  // Also if they come in one segment with the reply, complete or not.
  for (const std::string more : {"+b\r\n", "+", "*1\r\n"}) {
    state = std::make_shared<FakeTransport::State>();
    Session other = session();
    other.send("A\r\n", 1);
    arrives(other, "+a\r\n" + more);
    CHECK(text_of(other.next_reply()) == "a");
    CHECK_FALSE(other.is_idle());
  }
}

TEST_CASE_FIXTURE(Wire, "session: input that is not RESP, and a broken transport, are errors") {
  Session garbled = session();
  garbled.send("A\r\n", 1);
  arrives(garbled, "HTTP/1.1 400 Bad Request\r\n");
  CHECK(text_of(garbled.next_reply()) == "none");
  CHECK(garbled.is_garbled());
  CHECK(garbled.error().find("not the Redis protocol: ") == 0);

  state = std::make_shared<FakeTransport::State>();
  Session broken = session();
  broken.send("A\r\n", 1);
  state->error = "Connection reset by peer";
  CHECK(broken.error() == "Connection reset by peer");
  CHECK_FALSE(broken.is_garbled());
  CHECK_FALSE(broken.is_idle());
}

TEST_CASE_FIXTURE(Wire, "session: a server that sends without a pause is read a limited number of bytes at a time") {
  Session one = session();
  one.send("A\r\n", 1);
  const std::size_t sent = 3 * limits::max_bytes_per_turn;
  state->arrived = "$5000000\r\n" + std::string(sent, 'x');
  for (int turn = 1; turn <= 3; ++turn) {
    const std::size_t before = state->arrived.size();
    one.advance(POLLIN);
    CHECK(before - state->arrived.size() == limits::max_bytes_per_turn);
    CHECK(text_of(one.next_reply()) == "none");
    CHECK(one.error().empty());
  }
}

TEST_CASE_FIXTURE(Wire, "session: the replies of one exchange are limited in bytes, those of several are not") {
  Session one = session();
  const std::size_t size = limits::max_reply_bytes - 100;
  for (int i = 0; i < 3; ++i) {
    one.send("A\r\n", 1);
    state->arrived = "$" + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n";
    while (!state->arrived.empty()) one.advance(POLLIN);
    CHECK(text_of(one.next_reply()).size() == size);
  }
  one.send("A\r\n", 1);
  state->arrived = "$99999999\r\n" + std::string(2 * limits::max_reply_bytes, 'x');
  for (int turn = 0; turn < 100 && one.error().empty(); ++turn) {
    one.advance(POLLIN);
    one.next_reply();
  }
  CHECK(one.error() == "the reply is longer than 8 MiB");
  CHECK(one.is_over_limit());
  CHECK(state->arrived.size() > limits::max_reply_bytes / 2);  // the rest is not read
}
