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
};

Address make_address(const sockaddr* from, socklen_t length);

// The target's address if it needs no name resolution: a Unix socket or a numeric host. None for a host name.
std::optional<Address> literal_address(const Target& target);

}  // namespace condolock::engine::redis
