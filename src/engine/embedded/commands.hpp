// The Redis commands that the scripts use, run on a Store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/embedded/store.hpp"

namespace condolock::engine::embedded {

struct Value {
  enum class Kind : std::uint8_t { nil, integer, text, status, error, array };
  Kind kind = Kind::nil;
  std::int64_t number = 0;
  std::string text;
  std::vector<Value> items;
};

// Runs one command: its name in capitals, then its arguments. `now_us`: microseconds since 1970. Returns the reply that
// Redis would give; errors are values. Throws StoreError.
Value run_command(Store& store, std::int64_t now_us, const std::vector<std::string>& words);

// All command names, in capitals.
std::vector<std::string> known_commands();

}  // namespace condolock::engine::embedded
