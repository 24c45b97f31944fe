// The Redis protocol RESP2: formats commands and parses replies. Only resp.cpp uses hiredis.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/redis/limits.hpp"

namespace condolock::engine::redis {

std::string format_command(const std::vector<std::string_view>& arguments);

struct RespValue {
  enum class Kind : std::uint8_t { nil, text, status, error, integer, array };
  Kind kind = Kind::nil;
  std::string text;  // an integer is decimal text
  std::vector<RespValue> items;
};

// Takes bytes in any portions. A declared length ($1000000000, *1000000000) allocates nothing: memory grows only with the
// bytes received. limits.hpp bounds the replies of one exchange, with every version of hiredis.
class RespReader {
 public:
  RespReader();

  void feed(std::string_view bytes);
  // The next complete reply, if it has arrived. None after an error.
  std::optional<RespValue> next();
  // Not empty if the input is not RESP or exceeds a limit.
  const std::string& error() const { return error_; }
  // error() is about a limit.
  bool is_over_limit() const { return over_limit_; }
  // No byte is left over: every reply that arrived, in whole or in part, was taken by next().
  bool is_empty() const;
  // Starts a new exchange: the limits count from here.
  void restart();

  // For the functions that hiredis calls.
  struct Limits {
    std::size_t values_left = limits::max_reply_values;
    std::string refusal;  // why a value was refused
    bool is_over_limit = false;
  };

 private:
  struct Free {
    void operator()(void* reader) const;
  };
  std::unique_ptr<void, Free> reader_;  // redisReader
  Limits limits_;
  std::size_t bytes_ = 0;
  std::string error_;
  bool over_limit_ = false;
};

}  // namespace condolock::engine::redis
