#include "engine/redis/host_discovery.hpp"

#include "util/escape.hpp"

namespace condolock::engine::redis {

void HostDiscovery::start(Instant now, Instant deadline) {
  if (!literal_) literal_ = literal_address(endpoint_);  // the interface of its zone may be there by now
  if (literal_ || has_zone()) return;
  resolver_ = std::make_unique<Resolver>(endpoint_.host, endpoint_.port, std::chrono::duration_cast<Millis>(deadline - now));
}

Interest HostDiscovery::interest() const { return resolver_ ? resolver_->interest() : Interest{-1, 0, BootClock::now()}; }

std::optional<Answered<std::vector<Address>>> HostDiscovery::advance(short /*revents*/, Instant /*now*/) {
  std::optional<Answered<std::vector<Address>>> found;
  if (literal_) {
    found.emplace(std::vector<Address>{*literal_});
  } else if (has_zone()) {
    const std::string zone = endpoint_.host.substr(endpoint_.host.find('%') + 1);
    found.emplace(Failure{Fault::unreachable, false, false, "unknown network interface " + util::escape(zone)});
  } else {
    found = resolver_->advance();
    if (!found) return std::nullopt;
    resolver_.reset();
  }
  if (!*found) {
    const Failure& why = found->error();
    return Failure{why.fault, false, false, "cannot resolve the host " + util::escape(endpoint_.host) + ": " + why.text};
  }
  for (Address& address : **found) {
    address.host = endpoint_.host;
    address.shown = endpoint_.shown();
  }
  return found;
}

std::string HostDiscovery::pending() const {
  return "cannot resolve the host " + util::escape(endpoint_.host) + ": no answer from a name server";
}

}  // namespace condolock::engine::redis
