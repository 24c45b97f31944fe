#include "engine/redis/tls.hpp"

#include <atomic>

namespace condolock::engine::redis {
namespace {

std::atomic<TlsConnector> provided{nullptr};

}  // namespace

void provide_tls(TlsConnector connector) { provided = connector; }

bool has_tls() { return provided != nullptr; }

Connector tls_connector(const Target& target) {
  const TlsConnector connector = provided;
  return connector == nullptr ? Connector() : connector(target);
}

}  // namespace condolock::engine::redis
