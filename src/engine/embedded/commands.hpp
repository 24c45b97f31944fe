// The Redis commands that the scripts use, over a Store.
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

// One command with its arguments, at that time (microseconds since 1970). What a server would answer, errors included; a
// StoreError goes through.
Value run_command(Store& store, std::int64_t now_us, const std::vector<std::string>& words);

// Every command there is, in capitals.
std::vector<std::string> known_commands();

}  // namespace condolock::engine::embedded
