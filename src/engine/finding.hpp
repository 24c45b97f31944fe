// What a look at an engine brought to light, for `doctor`. Every engine knows itself what to look at.
#pragma once

#include <cstdint>
#include <string>

namespace condolock::engine {

struct Finding {
  enum class Level : std::uint8_t {
    good,
    unknown,  // could not be found out
    warning,  // runs are guarded, but something can happen that should not
    error,    // runs are not guarded, or can't begin
  };

  Level level = Level::good;
  std::string check;   // what was looked at
  std::string found;   // what there is, and what that means; safe to show
  std::string advice;  // what to do about it; empty where nothing is to be done
};

}  // namespace condolock::engine
