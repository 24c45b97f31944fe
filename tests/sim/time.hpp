// Virtual time: a true time that no process can read, clocks that drift from it, and the agenda of events.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "util/clock.hpp"

namespace condolock::sim {

// True time since the beginning of a scenario, in nanoseconds.
using Nanos = std::int64_t;

constexpr Nanos microsecond = 1'000;
constexpr Nanos millisecond = 1'000'000;
constexpr Nanos second = 1'000'000'000;

constexpr Nanos nanos(Millis length) { return length.count() * millisecond; }

// A clock with an initial error, which runs fast or slow by this many millionths.
struct DriftingClock {
  Nanos offset = 0;
  std::int64_t millionths = 0;

  Nanos at(Nanos now) const { return offset + now + now / 1000 * millionths / 1000; }
  // The first true moment at which it shows at least `reading`.
  Nanos when(Nanos reading) const {
    const Nanos shown = reading - offset;
    Nanos now = shown - shown / 1000 * millionths / 1000;  // approximate, since the drift is small
    now += reading - at(now);
    while (at(now) < reading) now += microsecond;
    return now;
  }
};

// Events by time. Of two events at the same moment, the one planned first comes first.
class Agenda {
 public:
  Nanos now() const { return now_; }

  void at(Nanos when, std::function<void()> what) {
    entries_.push({when > now_ ? when : now_, ++planned_, std::move(what)});
  }
  void in(Nanos length, std::function<void()> what) { at(now_ + length, std::move(what)); }

  // False: no event is left.
  bool step() {
    if (entries_.empty()) return false;
    // top() of a priority_queue is const, but the entry is removed next and not compared any more.
    auto what = std::move(const_cast<Entry&>(entries_.top()).what);
    now_ = entries_.top().when;
    entries_.pop();
    what();
    return true;
  }

 private:
  struct Entry {
    Nanos when;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Entry& other) const { return when != other.when ? when > other.when : number > other.number; }
  };

  Nanos now_ = 0;
  std::uint64_t planned_ = 0;
  std::priority_queue<Entry> entries_;
};

}  // namespace condolock::sim
