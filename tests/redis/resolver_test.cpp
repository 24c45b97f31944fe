#include "engine/redis/resolver.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>

#include "support/name_server.hpp"

using namespace condolock;
using engine::redis::Address;
using engine::redis::Resolver;
using support::NameServer;

namespace {

// Polls as an engine does, until there is an outcome or `patience` ends.
std::optional<engine::Answered<std::vector<Address>>> outcome_of(Resolver& resolver, Millis patience = Millis(5000)) {
  const Instant until = BootClock::now() + patience;
  while (BootClock::now() < until) {
    if (auto outcome = resolver.advance()) return outcome;
    const engine::Interest interest = resolver.interest();
    pollfd wanted{interest.fd, interest.events, 0};
    const Instant wake = std::min(interest.wake.value_or(until), until);
    const auto left = std::chrono::ceil<Millis>(wake - BootClock::now()).count();
    poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  }
  return resolver.advance();
}

std::string text_of(const Address& address) {
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
  if (v4->sin_family != AF_INET) return "not IPv4";
  std::string text(INET_ADDRSTRLEN, '\0');
  inet_ntop(AF_INET, &v4->sin_addr, text.data(), INET_ADDRSTRLEN);
  return text.substr(0, text.find('\0')) + ":" + std::to_string(ntohs(v4->sin_port));
}

}  // namespace

TEST_CASE("an address from a name server gets the requested port") {
  const NameServer server(NameServer::Names{{"redis.example", "127.0.0.9"}});
  Resolver resolver("redis.example", 6380, Millis(2000), server.address());
  const auto outcome = outcome_of(resolver);
  REQUIRE(outcome);
  REQUIRE(outcome->has_value());
  REQUIRE((*outcome)->size() == 1);
  CHECK(text_of((*outcome)->front()) == "127.0.0.9:6380");
}

TEST_CASE("a name that does not exist is unreachable") {
  const NameServer server(NameServer::Names{});
  Resolver resolver("redis.example", 6379, Millis(2000), server.address());
  const auto outcome = outcome_of(resolver);
  REQUIRE(outcome);
  REQUIRE_FALSE(outcome->has_value());
  CHECK(outcome->error().text == "Domain name not found");
}

TEST_CASE("a silent name server does not use up the time of the next one") {
  const NameServer silent({}, NameServer::Manner::silent);
  const NameServer server(NameServer::Names{{"redis.example", "127.0.0.9"}});
  Resolver resolver("redis.example", 6379, Millis(4000), silent.address() + "," + server.address());
  const auto outcome = outcome_of(resolver, Millis(4000));
  REQUIRE(outcome);
  CHECK(outcome->has_value());
}

TEST_CASE("a look-up never blocks, and can be cancelled at any time") {
  const NameServer silent({}, NameServer::Manner::silent);
  Resolver resolver("redis.example", 6379, Millis(60'000), silent.address());
  CHECK_FALSE(resolver.advance());
  const engine::Interest interest = resolver.interest();
  CHECK(interest.fd >= 0);
  CHECK(interest.wake);
}

TEST_CASE("localhost is found without a name server") {
  const NameServer silent({}, NameServer::Manner::silent);
  Resolver resolver("localhost", 6379, Millis(60'000), silent.address());
  const auto outcome = outcome_of(resolver);
  REQUIRE(outcome);
  CHECK(outcome->has_value());
}

namespace {

std::string error_of(const std::string& name, const std::string& servers) {
  Resolver resolver(name, 6379, Millis(2000), servers);
  const auto outcome = outcome_of(resolver);
  REQUIRE(outcome);
  REQUIRE_FALSE(outcome->has_value());
  CHECK(outcome->error().fault == engine::Fault::unreachable);
  return outcome->error().text;
}

std::vector<std::string> found_by(const std::string& name, const std::string& servers) {
  Resolver resolver(name, 6379, Millis(4000), servers);
  const auto outcome = outcome_of(resolver);
  REQUIRE(outcome);
  REQUIRE(outcome->has_value());
  std::vector<std::string> out;
  for (const Address& address : **outcome) out.push_back(text_of(address));
  std::sort(out.begin(), out.end());
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("aliases, several addresses, and an answer too long for UDP are read") {
  const NameServer::Names names{{"redis.example", "db.example"},
                                {"db.example", "primary.example"},
                                {"primary.example", "127.0.0.8 127.0.0.9"},
                                {"six.example", "::1"}};
  for (const auto manner : {NameServer::Manner::answers, NameServer::Manner::truncates}) {
    const NameServer server(names, manner);
    CHECK(found_by("redis.example", server.address()) == Texts{"127.0.0.8:6379", "127.0.0.9:6379"});
    CHECK(found_by("six.example", server.address()) == Texts{"not IPv4"});
  }
}

TEST_CASE("if a name server fails, sends nonsense or is not there, the next one is asked") {
  const NameServer good(NameServer::Names{{"redis.example", "127.0.0.9"}});
  for (const auto manner : {NameServer::Manner::fails, NameServer::Manner::babbles, NameServer::Manner::silent}) {
    const NameServer bad({}, manner);
    CHECK(found_by("redis.example", bad.address() + "," + good.address()) == Texts{"127.0.0.9:6379"});
  }
  std::string dead;
  { dead = NameServer(NameServer::Names{}).address(); }
  CHECK(found_by("redis.example", dead + "," + good.address()) == Texts{"127.0.0.9:6379"});
}

TEST_CASE("each reason for not finding a name has its own text") {
  const NameServer knows({{"alias.example", "gone.example"}, {"empty.example", ""}});
  CHECK(error_of("none.example", knows.address()) == "Domain name not found");
  CHECK(error_of("empty.example", knows.address()) == "DNS server returned answer with no data");
  const std::string useless = "no name server gave a usable answer";
  for (const auto manner : {NameServer::Manner::fails, NameServer::Manner::babbles, NameServer::Manner::silent}) {
    const NameServer bad({}, manner);
    CHECK(error_of("redis.example", bad.address()) == useless);
  }
  std::string dead;
  { dead = NameServer(NameServer::Names{}).address(); }
  CHECK(error_of("redis.example", dead) == useless);
}
