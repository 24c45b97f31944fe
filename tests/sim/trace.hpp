// The events of a scenario: as a digest that two plays of it must share, and as lines for people.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "sim/time.hpp"

namespace condolock::sim {

class Trace {
 public:
  explicit Trace(bool shown) : shown_(shown) {}

  // Calls `text` only if it is shown.
  template <class Text>
  void line(Nanos now, std::uint64_t what, Text text) {
    mix(static_cast<std::uint64_t>(now));
    mix(what);
    if (shown_)
      std::printf("%10.4f  %s\n", static_cast<double>(now) / static_cast<double>(second), std::string(text()).c_str());
  }
  void mix(std::uint64_t number) { digest_ = (digest_ ^ number) * 0x100000001B3U; }
  // FNV-1a over all events.
  std::uint64_t digest() const { return digest_; }

 private:
  bool shown_;
  std::uint64_t digest_ = 0xCBF29CE484222325U;
};

}  // namespace condolock::sim
