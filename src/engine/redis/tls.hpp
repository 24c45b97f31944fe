// TLS, which only some programs have: OpenSSL takes longer to load than a whole run without it. A program that has it calls
// provide_tls(connect_over_tls) first: see tls_transport.hpp.
#pragma once

#include "engine/redis/transport.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

// Makes the Connector of a target whose `tls` is set, and which must outlive it.
using TlsConnector = Connector (*)(const Target&);

// May be called several times, by any thread.
void provide_tls(TlsConnector connector);
bool has_tls();
// Null if there is none.
Connector tls_connector(const Target& target);

}  // namespace condolock::engine::redis
