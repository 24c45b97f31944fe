#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace support {

// The engine under test. The same protocol tests run on every engine.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual condolock::engine::Engine& engine() = 0;
  // Runs one Redis command past the engine. Arrays are joined with spaces, nil is "(nil)", errors are thrown. An engine
  // without Redis takes SET to create a value of a wrong type.
  virtual std::string command(const std::vector<std::string>& words) = 0;
  // True if commands work that only a real Redis has.
  virtual bool is_redis() const { return false; }
};

// The engine that CONDOLOCK_TEST_ENGINE names (redis, file or memory; redis if it is not set), without any key.
Backend& empty_backend();

}  // namespace support
