// Finds the addresses to connect to. host_discovery.hpp finds those of a URL's host.
#pragma once

#include <optional>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"

namespace condolock::engine::redis {

class Discovery {
 public:
  Discovery() = default;
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  virtual ~Discovery() = default;

  // Starts a new search and drops an earlier one. `deadline`: when the caller gives up.
  virtual void start(Instant now, Instant deadline) = 0;
  virtual void cancel() = 0;
  virtual Interest interest() const = 0;
  // At least one address, best first, or why there is none: `unreachable` or `local`. Empty while the search goes on.
  virtual std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) = 0;
  // True if another search may find other addresses.
  virtual bool can_change() const = 0;
};

}  // namespace condolock::engine::redis
