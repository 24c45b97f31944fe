// Where the tests of the library keep their records: a real Redis or a directory, as CONDOLOCK_TEST_ENGINE says.
#pragma once

#include <condolock/condolock.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "support/redis_server.hpp"
#include "support/temporary_directory.hpp"

namespace api_test {

class Place {
 public:
  Place();

  const std::string& url() const { return url_; }
  std::unique_ptr<condolock::Engine> connect(const condolock::ConnectOptions& options = {}) const {
    return condolock::connect(url_, options);
  }
  // Revokes the lease of `key`, or removes it, as condolock unlock does.
  void unlock(const std::string& key, bool at_once) const;
  // Null: it is a directory.
  support::RedisServer* server() { return server_ ? &*server_ : nullptr; }

 private:
  std::optional<support::RedisServer> server_;
  support::TemporaryDirectory directory_;
  std::string url_;
};

// Sleeps until `holds`, for twenty seconds at most. Returns whether it did.
template <class Predicate>
bool eventually(Predicate holds) {
  for (int i = 0; i < 4000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace api_test
