// Random numbers from a seed: the same on every machine, unlike the distributions of the standard library.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace condolock::sim {

// Steele, Lea and Flood's SplitMix64.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  // Random numbers of their own for the thing with these numbers, independent of all earlier draws.
  Dice(std::uint64_t seed, std::initializer_list<std::uint64_t> of) : state_(seed) {
    for (const std::uint64_t number : of) state_ = next() ^ (number * 0xD6E8FEB86659FD93U);
  }

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  // From min to max, both included.
  std::int64_t between(std::int64_t min, std::int64_t max) {
    if (max <= min) return min;
    return min + static_cast<std::int64_t>(next() % (static_cast<std::uint64_t>(max - min) + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <class T>
  T one_of(std::initializer_list<T> some) {
    return some.begin()[between(0, static_cast<std::int64_t>(some.size()) - 1)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace condolock::sim
