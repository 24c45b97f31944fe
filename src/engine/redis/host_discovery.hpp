// Finds the addresses of a URL's host: the numeric one, or those that the name resolves to.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/redis/discovery.hpp"
#include "engine/redis/resolver.hpp"

namespace condolock::engine::redis {

class HostDiscovery final : public Discovery {
 public:
  // `target` must outlive this.
  explicit HostDiscovery(const Target& target) : target_(target), literal_(literal_address(target)) {}

  void start(Instant now, Instant deadline) override;
  void cancel() override { resolver_.reset(); }
  Interest interest() const override;
  std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) override;
  bool can_change() const override { return !literal_; }

 private:
  // An IPv6 address with a zone, which no name server knows.
  bool has_zone() const { return target_.host.find(':') != std::string::npos; }

  const Target& target_;
  std::optional<Address> literal_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace condolock::engine::redis
