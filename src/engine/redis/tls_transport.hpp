// TLS by OpenSSL.
#pragma once

#include "engine/redis/tls.hpp"

namespace condolock::engine::redis {

// The Connector for rediss:// and valkeys:// URLs: see TlsConnector.
Connector connect_over_tls(const Target& target);

}  // namespace condolock::engine::redis
