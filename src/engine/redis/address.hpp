// From a target to addresses that can be connected to.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "engine/redis/url.hpp"
#include "process/helper.hpp"

namespace condolock::redis {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// The addresses of a target that needs no look-up: a Unix socket, or a numeric host. Empty for a name.
std::vector<Address> literal_addresses(const Target& target);

// A look-up by name, in a process of its own: getaddrinfo blocks for as long as the resolver likes, and we must stay able to
// end on TERM, to keep our deadline, and to stop a child whose lease ends.
class Lookup {
 public:
  explicit Lookup(const Target& target);

  int fd() const { return helper_.fd(); }
  // The addresses, in the resolver's order, or its error; nothing while it is still looking.
  std::optional<Result<std::vector<Address>>> result();

 private:
  process::Helper helper_;
};

}  // namespace condolock::redis
