// Randomness: unguessable names from the kernel, and cheap spreading of retries.
#pragma once

#include <cstdint>
#include <string>

#include "util/clock.hpp"

namespace condolock::util {

// 128 bits from the kernel, as 22 characters of base64url (RFC 4648, no padding).
std::string random_token();

std::uint64_t random_seed();

// Spreads retries of many hosts over time. Not for secrets. The same seed gives the same sequence.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed | 1U) {}
  Millis between(Millis min, Millis max);

 private:
  std::uint64_t state_;
};

}  // namespace condolock::util
