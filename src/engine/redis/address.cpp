#include "engine/redis/address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

namespace condolock::redis {
namespace {

template <class Sockaddr>
Address make_address(const Sockaddr& from) {
  Address address;
  std::memcpy(&address.storage, &from, sizeof from);
  address.length = sizeof from;
  return address;
}

// What the helper writes: "!" and the error, or every address as one length byte and its sockaddr.
std::string look_up(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return std::string("!") + gai_strerror(error);
  }
  std::string out;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
    out += static_cast<char>(at->ai_addrlen);
    out.append(reinterpret_cast<const char*>(at->ai_addr), at->ai_addrlen);
  }
  freeaddrinfo(found);
  return out;
}

}  // namespace

std::vector<Address> literal_addresses(const Target& target) {
  if (target.host.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    target.path.copy(local.sun_path, sizeof local.sun_path - 1);
    return {make_address(local)};
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(target.port);
  if (inet_pton(AF_INET, target.host.c_str(), &v4.sin_addr) == 1) return {make_address(v4)};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(target.port);
  if (inet_pton(AF_INET6, target.host.c_str(), &v6.sin6_addr) == 1) return {make_address(v6)};
  return {};
}

Lookup::Lookup(const Target& target) : helper_([&] { return look_up(target.host, std::to_string(target.port)); }) {}

std::optional<Result<std::vector<Address>>> Lookup::result() {
  const auto text = helper_.result();
  if (!text) return std::nullopt;
  if (text->starts_with('!')) return Problem{text->substr(1)};
  std::vector<Address> addresses;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto length = static_cast<unsigned char>(rest[0]);
    if (length >= rest.size()) break;
    Address address;
    std::memcpy(&address.storage, rest.data() + 1, length);
    address.length = length;
    addresses.push_back(address);
    rest.remove_prefix(std::size_t{1} + length);
  }
  if (addresses.empty()) return Problem{"the look-up gave no address"};
  return addresses;
}

}  // namespace condolock::redis
