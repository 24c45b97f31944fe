#include "engine/redis/address.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

using namespace condolock;
using engine::redis::Address;
using engine::redis::literal_address;
using engine::redis::Target;

namespace {

template <class Sockaddr>
Sockaddr as(const Address& address) {
  Sockaddr out{};
  REQUIRE(address.length == sizeof out);
  std::memcpy(&out, &address.storage, sizeof out);
  return out;
}

std::optional<Address> literal(const std::string& host) {
  Target target;
  target.host = host;
  target.port = 7000;
  return literal_address(target);
}

}  // namespace

TEST_CASE("address: numeric hosts and Unix sockets need no name resolution, names do") {
  for (const char* host : {"127.0.0.1", "127.1"}) {
    const auto found = literal(host);
    REQUIRE(found);
    CHECK(ntohl(as<sockaddr_in>(*found).sin_addr.s_addr) == INADDR_LOOPBACK);
    CHECK(ntohs(as<sockaddr_in>(*found).sin_port) == 7000);
  }
  const auto v6 = literal("::1");
  REQUIRE(v6);
  CHECK(as<sockaddr_in6>(*v6).sin6_scope_id == 0);
  CHECK(ntohs(as<sockaddr_in6>(*v6).sin6_port) == 7000);
  Target target;
  target.host.clear();
  target.path = "/run/redis.sock";
  const auto local = literal_address(target);
  REQUIRE(local);
  CHECK(std::string(as<sockaddr_un>(*local).sun_path) == "/run/redis.sock");
  for (const char* name : {"localhost", "redis.example", "127.0.0.1.example", "fe80::1::2"}) CHECK_FALSE(literal(name));
}

TEST_CASE("address: the zone of a link-local address is an interface, by name or number") {
  const auto by_name = literal("fe80::1%lo");
  REQUIRE(by_name);
  CHECK(as<sockaddr_in6>(*by_name).sin6_scope_id == if_nametoindex("lo"));
  const auto by_number = literal("fe80::1%1");
  REQUIRE(by_number);
  CHECK(as<sockaddr_in6>(*by_number).sin6_scope_id == 1);
  CHECK_FALSE(literal("fe80::1%no-such-interface"));
}
