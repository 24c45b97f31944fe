// Reads environment variables.
#pragma once

#include <cstdlib>
#include <string>

namespace condolock::util {

// The variable's value; empty if it is not set.
inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace condolock::util
