// Finds the addresses of a URL's host: the numeric one, or those that the name resolves to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/redis/discovery.hpp"
#include "engine/redis/resolver.hpp"

namespace condolock::engine::redis {

class HostDiscovery final : public Discovery {
 public:
  explicit HostDiscovery(Endpoint endpoint) : endpoint_(std::move(endpoint)), literal_(literal_address(endpoint_)) {}

  void start(Instant now, Instant deadline) override;
  void cancel() override { resolver_.reset(); }
  Interest interest() const override;
  std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) override;
  bool can_change() const override { return !literal_; }
  std::string pending() const override;

 private:
  // An IPv6 address with a zone, which no name server knows.
  bool has_zone() const { return endpoint_.host.find(':') != std::string::npos; }

  const Endpoint endpoint_;
  std::optional<Address> literal_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace condolock::engine::redis
