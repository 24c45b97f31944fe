// Random numbers: secret tokens from the kernel, and cheap jitter for retries. random_token() and random_seed() throw
// std::runtime_error if getrandom(2) fails.
#pragma once

#include <cstdint>
#include <string>

#include "util/clock.hpp"

namespace condolock::util {

// 128 random bits as 22 characters of base64url (RFC 4648, without padding).
std::string random_token();

std::uint64_t random_seed();

// Spreads the retries of many hosts over time. Not for secrets. The same seed gives the same sequence.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed | 1U) {}
  // A random duration from `min` to `max`, both included; `min` if `max` is smaller.
  Millis between(Millis min, Millis max);
  // The pause before the nth retry, from 0. It doubles from `first` to `max`, and is random from half of that on.
  Millis backoff(int n, Millis first, Millis max);

 private:
  std::uint64_t state_;
};

}  // namespace condolock::util
