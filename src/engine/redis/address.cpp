#include "engine/redis/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "util/number.hpp"

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

std::optional<Address> literal_address(const Endpoint& endpoint) {
  if (endpoint.host.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    endpoint.path.copy(local.sun_path, sizeof local.sun_path - 1);
    return address_of(local);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  if (inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1) return address_of(v4);
  if (inet_aton(endpoint.host.c_str(), &v4.sin_addr) != 0) return address_of(v4);  // short forms, such as 127.1
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  // A link-local address has a zone (RFC 4007): fe80::1%eth0, or the interface's number.
  const std::size_t percent = endpoint.host.find('%');
  if (inet_pton(AF_INET6, endpoint.host.substr(0, percent).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  if (percent == std::string::npos) return address_of(v6);
  const std::string zone = endpoint.host.substr(percent + 1);
  v6.sin6_scope_id = util::parse_number<std::uint32_t>(zone).value_or(if_nametoindex(zone.c_str()));
  if (v6.sin6_scope_id == 0) return std::nullopt;
  return address_of(v6);
}

}  // namespace condolock::engine::redis
