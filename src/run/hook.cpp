#include "run/hook.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

#include "process/keeper.hpp"
#include "util/signal.hpp"

namespace condolock::run {
namespace {

constexpr Millis from_term_to_kill{10'000};
// Later than this, a process is not waited for: it may belong to another user, or be stuck in a system call.
constexpr Millis from_kill_to_end{1000};
// poll()'s timeout stops while the machine is suspended. So the deadline of a hook may be noticed late by this much.
constexpr Millis longest_sleep{1000};

class HookRun {
 public:
  HookRun(process::Keeper keeper, process::Signals& signals, Instant kill_at)
      : keeper_(std::move(keeper)), signals_(signals), kill_at_(kill_at) {}

  HookEnd wait_for_end() {
    while (!is_over()) {
      wait();
      pass_signals_on();
      for (const process::News& each : keeper_.look()) {
        if (const auto* exited = std::get_if<process::news::Exited>(&each)) end_ = exited->code;
        if (const auto* failed = std::get_if<process::news::NotStarted>(&each)) end_ = failed->error;
        if (std::holds_alternative<process::news::Gone>(each)) end_all();
        if (std::holds_alternative<process::news::Over>(each)) is_alone_ = true;
      }
      if (end_ && told_to_end_) end_all();
      if (BootClock::now() >= kill_at_) keeper_.stop(SIGKILL);
      if (keeper_.has_stopped_job()) kill(getpid(), SIGSTOP);
    }
    keeper_.let_go();
    keeper_.wait();
    return *end_;
  }

 private:
  bool is_over() const {
    if (!end_) return false;
    if (!told_to_end_ || std::holds_alternative<process::SpawnError>(*end_)) return true;
    return is_alone_ || BootClock::now() >= kill_at_ + from_kill_to_end;
  }

  // Sends TERM to all processes that are left, since the signal may have reached only the shell. KILL follows.
  void end_all() {
    kill_at_ = std::min(kill_at_, BootClock::now() + from_term_to_kill);
    keeper_.stop(SIGTERM);
  }

  void wait() {
    Millis sleep = longest_sleep;
    if (const auto next = keeper_.look_at()) {
      sleep = std::clamp(std::chrono::duration_cast<Millis>(*next - BootClock::now()), Millis(1), longest_sleep);
    }
    std::array<pollfd, 2> fds{{{signals_.fd(), POLLIN, 0}, {keeper_.fd(), POLLIN, 0}}};
    poll(fds.data(), fds.size(), static_cast<int>(sleep.count()));
  }

  void pass_signals_on() {
    if (keeper_.is_starting()) return;
    while (const auto signal = signals_.next()) {
      told_to_end_ = told_to_end_ || util::asks_to_end(signal->number);
      if (signal->number != SIGCHLD && !keeper_.has_got(*signal)) keeper_.forward(signal->number);
    }
  }

  process::Keeper keeper_;
  process::Signals& signals_;
  Instant kill_at_;
  std::optional<HookEnd> end_;
  bool told_to_end_ = false;
  bool is_alone_ = false;  // no process of the hook is alive
};

}  // namespace

HookEnd run_hook(const std::string& line, std::vector<std::string> environment, process::Signals& signals, Millis limit) {
  const process::Command command{{"/bin/sh", "-c", line}, std::move(environment)};
  const Instant term_at = BootClock::now() + limit;
  auto started = process::Keeper::start(command, signals.caller(), {term_at, term_at + from_term_to_kill});
  if (const auto* error = std::get_if<process::SpawnError>(&started)) return *error;
  return HookRun(std::get<process::Keeper>(std::move(started)), signals, term_at + from_term_to_kill).wait_for_end();
}

}  // namespace condolock::run
