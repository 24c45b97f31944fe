#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace support {

// What the tests of the protocol run on, so that one list of them holds for every engine.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual condolock::engine::Engine& engine() = 0;
  // One Redis command past the engine; arrays are joined with spaces, nil is "(nil)", errors are thrown. Where there is no
  // Redis, SET makes a value of a type that the key must not have.
  virtual std::string command(const std::vector<std::string>& words) = 0;
  // Of a real Redis something can be asked that has no meaning elsewhere.
  virtual bool is_redis() const { return false; }
};

// The one that CONDOLOCK_TEST_ENGINE names (redis, file or memory; redis if it is not set), without a key in it.
Backend& empty_backend();

}  // namespace support
