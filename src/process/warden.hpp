// Watches the command and, after its end, the processes that it left. The keeper uses it, and condolock if the keeper has
// died. System calls only, see system_call.hpp.
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

// How far the run has been ended, by condolock or by the keeper. It only grows.
enum Phase : int { running, told, killed };

// In memory that condolock and the keeper share.
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
  std::atomic<int> error{0};              // errno if something could not be started
  std::atomic<bool> start_known{false};   // if there is no pipe: the command was started, or could not be
  std::atomic<bool> expired{false};       // the keeper has ended the run because a deadline had passed
  std::atomic<bool> rest_expired{false};  // the same after the command had exited: it has ended what the command left
  std::atomic<bool> stopped{false};       // the command is stopped
  std::atomic<bool> exited{false};        // the command has ended, and is not reaped yet
  std::atomic<int> code{0};               // its exit code; 128+N for signal N
  std::atomic<bool> over{false};          // the command has ended, and no process of the run is alive
};

class Warden {
 public:
  Warden(const Tree& tree, Shared& shared) : tree_(tree), shared_(shared) {}

  // True: there is news.
  bool look();
  // When to look again without a signal.
  std::int64_t look_at() const { return look_at_; }
  // Whether only processes are left that cannot be signalled, so that waiting for them is of no use.
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
