// The Redis protocol RESP2: formats commands and parses replies. Only resp.cpp uses hiredis.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace condolock::engine::redis {

std::string format_command(const std::vector<std::string_view>& arguments);

struct RespValue {
  enum class Kind : std::uint8_t { nil, text, status, error, integer, array };
  Kind kind = Kind::nil;
  std::string text;  // an integer is decimal text
  std::vector<RespValue> items;
};

// Takes bytes in any portions. A declared length ($1000000000, *1000000000) allocates nothing: memory grows only with the
// bytes received. One exchange may have at most max_bytes bytes and max_values values, with every version of hiredis.
class RespReader {
 public:
  static constexpr std::size_t max_bytes = std::size_t{8} << 20U;
  static constexpr std::size_t max_values = 200'000;
  static constexpr std::size_t max_depth = 7;  // of arrays within arrays; hiredis 0.14 allows 8, hiredis 1.2 any number

  RespReader();

  void feed(std::string_view bytes);
  // The next complete reply, if it has arrived. None after an error.
  std::optional<RespValue> next();
  // Not empty if the input is not RESP or exceeds the limits.
  const std::string& error() const { return error_; }
  // No byte is left over: every reply that arrived, in whole or in part, was taken by next().
  bool is_empty() const;
  // Starts a new exchange: the limits count from here.
  void restart();

  // For the functions that hiredis calls.
  struct Limits {
    std::size_t values_left = max_values;
    const char* refusal = nullptr;  // why hiredis got no value from us
  };

 private:
  struct Free {
    void operator()(void* reader) const;
  };
  std::unique_ptr<void, Free> reader_;  // redisReader
  Limits limits_;
  std::size_t bytes_ = 0;
  std::string error_;
};

}  // namespace condolock::engine::redis
