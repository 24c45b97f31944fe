// Watches the command and, once that has ended, what it left: for the keeper, and for condolock where the keeper has died.
// System calls only, see system_call.hpp.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "process/tree.hpp"

namespace condolock::process {

// Nanoseconds of CLOCK_BOOTTIME.
constexpr std::int64_t never = INT64_MAX;
std::int64_t boot_time();

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t second = 1000 * millisecond;

// How far the run has been ended, by whoever did it. It only grows.
enum Phase : int { running, told, killed };

// In memory that both processes see.
struct Shared {
  // Written by condolock.
  std::atomic<std::int64_t> term_at{never};
  std::atomic<std::int64_t> kill_at{never};
  std::atomic<bool> let_go{false};  // the run is over: the keeper reaps the command and ends
  std::atomic<int> wanted{0};       // send this signal to the tree, since condolock could not read /proc
  // Written by both.
  std::atomic<int> phase{running};
  Noted noted;
  // Written by the keeper, which then sends CHLD to condolock.
  std::atomic<pid_t> command{0};
  std::atomic<int> error{0};              // errno of what could not be started
  std::atomic<bool> start_known{false};   // without a pipe: the command was started, or was not
  std::atomic<bool> expired{false};       // the keeper has ended the run, since a deadline had passed
  std::atomic<bool> rest_expired{false};  // the same, when the command had exited: it has ended what that left
  std::atomic<bool> stopped{false};       // the command is stopped
  std::atomic<bool> exited{false};        // the command has ended, and is not reaped yet
  std::atomic<int> code{0};               // its exit code; 128+N for signal N
  std::atomic<bool> over{false};          // it has ended, and nothing of the run lives
};

class Warden {
 public:
  Warden(const Tree& tree, Shared& shared) : tree_(tree), shared_(shared) {}

  // True: there is something to tell.
  bool look();
  // When to look again without a signal.
  std::int64_t look_at() const { return look_at_; }
  // Only processes that can't be signalled are left, so there is no use in waiting for them.
  bool is_powerless() const { return rest_ == Rest::denied && shared_.phase == killed; }

 private:
  bool has_ended();
  void look_for_rest();

  const Tree& tree_;
  Shared& shared_;
  Rest rest_ = Rest::some;
  std::size_t looks_ = 0;
  std::int64_t look_at_ = never;
};

}  // namespace condolock::process
