// What all TLS connections of an engine share: certificates and settings.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
};

class TlsContext {
 public:
  explicit TlsContext(const Tls& tls);

  // Null if error() is set.
  SSL_CTX* get() const { return context_.get(); }
  // A certificate or key that can't be read, with its name; empty: none.
  const std::string& error() const { return error_; }

 private:
  void load_authorities(const std::string& path);
  void load_those_of_system();
  void load_own(const Tls& tls);

  std::unique_ptr<SSL_CTX, FreeTls> context_;
  std::string error_;
};

// What OpenSSL says of the last failure in this thread, in its words; empties its list of errors.
std::string last_tls_error();

}  // namespace condolock::engine::redis
