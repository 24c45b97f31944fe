// A socket address, as connect(2) takes it.
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

// The address of a target that needs no look-up: a Unix socket, or a numeric host. None for a name.
std::optional<Address> literal_address(const Target& target);

}  // namespace condolock::engine::redis
