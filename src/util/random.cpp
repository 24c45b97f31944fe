#include "util/random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace condolock::util {
namespace {

void fill(void* into, std::size_t size) {
  auto* at = static_cast<unsigned char*>(into);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0 && errno != EINTR) throw std::runtime_error("the kernel gives no random numbers (getrandom)");
    if (got > 0) {
      at += got;
      size -= static_cast<std::size_t>(got);
    }
  }
}

}  // namespace

std::string random_token() {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 16> bytes{};
  fill(bytes.data(), bytes.size());
  std::string out;
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const unsigned char byte : bytes) {
    pending = pending << 8U | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += alphabet[pending >> bits & 63U];
    }
  }
  out += alphabet[pending << (6 - bits) & 63U];
  return out;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  fill(&seed, sizeof seed);
  return seed;
}

Millis Jitter::between(Millis min, Millis max) {
  state_ ^= state_ << 13U;
  state_ ^= state_ >> 7U;
  state_ ^= state_ << 17U;
  if (max <= min) return min;
  return min + Millis(static_cast<std::int64_t>(state_ % static_cast<std::uint64_t>((max - min).count() + 1)));
}

Millis Jitter::backoff(int n, Millis first, Millis max) {
  Millis pause = first;
  for (int i = 0; i < n && pause < max; ++i) pause *= 2;
  pause = std::min(pause, max);
  return between(pause / 2, pause);
}

}  // namespace condolock::util
