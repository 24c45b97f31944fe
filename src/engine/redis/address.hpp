// A socket address for connect(2).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string host;   // the name that its certificate must have
  std::string shown;  // for messages
};

Address make_address(const sockaddr* from, socklen_t length);

// The address of an endpoint that needs no name resolution: a Unix socket or a numeric host. None for a host name.
std::optional<Address> literal_address(const Endpoint& endpoint);

}  // namespace condolock::engine::redis
