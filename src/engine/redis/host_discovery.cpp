#include "engine/redis/host_discovery.hpp"

#include "util/escape.hpp"

namespace condolock::engine::redis {

void HostDiscovery::start(Instant now, Instant deadline) {
  if (!literal_) literal_ = literal_address(target_);  // the interface of its zone may be there by now
  if (literal_ || has_zone()) return;
  resolver_ = std::make_unique<Resolver>(target_.host, target_.port, std::chrono::duration_cast<Millis>(deadline - now));
}

Interest HostDiscovery::interest() const { return resolver_ ? resolver_->interest() : Interest{-1, 0, BootClock::now()}; }

std::optional<Answered<std::vector<Address>>> HostDiscovery::advance(short /*revents*/, Instant /*now*/) {
  if (literal_) return std::vector<Address>{*literal_};
  if (has_zone()) {
    const std::string zone = target_.host.substr(target_.host.find('%') + 1);
    return Failure{Fault::unreachable, false, false, "unknown network interface " + util::escape(zone)};
  }
  auto found = resolver_->advance();
  if (found) resolver_.reset();
  return found;
}

}  // namespace condolock::engine::redis
