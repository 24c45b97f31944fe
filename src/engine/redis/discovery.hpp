// Which addresses to connect to: those of a URL's host (host_discovery.hpp).
#pragma once

#include <optional>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"
#include "util/result.hpp"

namespace condolock::engine::redis {

class Discovery {
 public:
  Discovery() = default;
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  virtual ~Discovery() = default;

  // Begins to look, anew each time, and forgets an earlier look. `deadline`: when nobody will care any more.
  virtual void start(Instant now, Instant deadline) = 0;
  virtual void cancel() = 0;
  virtual Interest interest() const = 0;
  // The addresses, best first and never none, or why there are none; nothing while still looking.
  virtual std::optional<util::Result<std::vector<Address>>> advance(short revents, Instant now) = 0;
  // Another look may give other addresses.
  virtual bool can_change() const = 0;
};

}  // namespace condolock::engine::redis
