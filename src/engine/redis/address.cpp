#include "engine/redis/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace condolock::engine::redis {
namespace {

template <class Sockaddr>
Address address_of(const Sockaddr& from) {
  return make_address(reinterpret_cast<const sockaddr*>(&from), sizeof from);
}

}  // namespace

Address make_address(const sockaddr* from, socklen_t length) {
  Address address;
  address.length = std::min<socklen_t>(length, sizeof address.storage);
  std::memcpy(&address.storage, from, address.length);
  return address;
}

std::optional<Address> literal_address(const Target& target) {
  if (target.host.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    target.path.copy(local.sun_path, sizeof local.sun_path - 1);
    return address_of(local);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(target.port);
  if (inet_pton(AF_INET, target.host.c_str(), &v4.sin_addr) == 1) return address_of(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(target.port);
  if (inet_pton(AF_INET6, target.host.c_str(), &v6.sin6_addr) == 1) return address_of(v6);
  return std::nullopt;
}

}  // namespace condolock::engine::redis
