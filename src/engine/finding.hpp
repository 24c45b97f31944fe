// A result of `doctor`. Each engine has its own checks.
#pragma once

#include <cstdint>
#include <string>

namespace condolock::engine {

struct Finding {
  enum class Level : std::uint8_t {
    good,
    unknown,  // could not be determined
    warning,  // runs are protected, but there is a risk
    error,    // runs are not protected, or can't start
  };

  Level level = Level::good;
  std::string check;   // name of the check
  std::string found;   // the result and what it means; safe to print
  std::string advice;  // what to do about it; empty: nothing
};

}  // namespace condolock::engine
