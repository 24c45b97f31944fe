// The process' environment.
#pragma once

#include <cstdlib>
#include <string>

namespace condolock::util {

// Empty where the variable is not set.
inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace condolock::util
