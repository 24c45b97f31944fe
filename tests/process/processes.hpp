// What the tests of real processes share. There are no fixed sleeps: each wait is for a condition, and fails after a long
// time.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "process/keeper.hpp"
#include "process/signals.hpp"
#include "support/temporary_directory.hpp"
#include "util/clock.hpp"
#include "util/fd.hpp"

namespace support {

// The Signals of this executable, made by main.
condolock::process::Signals& signals();
// All signals that came and were not collected yet: "10 12 "; a "g" follows a signal to the whole group.
std::string pending(condolock::process::Signals& signals);
// Nothing is blocked or ignored, as with a caller that has set nothing.
void reset_signals();
// Descriptors that a new program would inherit from this process.
std::set<int> inheritable_descriptors();
// ... when main began.
const std::set<int>& descriptors_of_our_caller();

// Waits until the descriptor is ready; throws if that takes too long.
void wait_for(int fd, short events);

// Lines from a pipe or FIFO.
class LineReader {
 public:
  explicit LineReader(condolock::util::Fd fd) : fd_(std::move(fd)) {}

  // The next line without its end; "(end)" if no process can write any more.
  std::string line();
  // All text until no process can write any more, so until every process that had the pipe open has ended.
  std::string rest();

 private:
  bool fill();

  condolock::util::Fd fd_;
  std::string buffer_;
};

// A FIFO that commands write to by name.
class Fifo {
 public:
  Fifo();

  const std::string& path() const { return path_; }
  LineReader& lines() { return *lines_; }

 private:
  TemporaryDirectory directory_;
  std::string path_;
  std::optional<LineReader> lines_;
};

// A FIFO from which a command reads a line by name. It waits until the gate is open.
class Gate {
 public:
  Gate();

  const std::string& path() const { return path_; }
  void open() const;

 private:
  TemporaryDirectory directory_;
  std::string path_;
  condolock::util::Fd fd_;
};

// A command that writes to a pipe, and its keeper. The destructor kills all processes that are left.
class Started {
 public:
  Started(condolock::process::Keeper keeper_of_it, LineReader reader)
      : keeper(std::move(keeper_of_it)), out(std::move(reader)) {}
  Started(Started&&) = default;
  Started& operator=(Started&& other) noexcept;
  ~Started();

  // Waits for news of this type.
  template <class T>
  T await();
  // Whether there is news of this type now.
  template <class T>
  bool has();
  // Waits until the command has ended.
  int exit_code() { return await<condolock::process::news::Exited>().code; }
  void await_over() { await<condolock::process::news::Over>(); }
  pid_t pid() const { return keeper.pid(); }

  condolock::process::Keeper keeper;
  LineReader out;

 private:
  void look();
  void end();

  std::vector<condolock::process::News> seen_;
};

// How commands are started: by clone, or by fork.
condolock::process::Keeper::By& started_by();

Started start(const std::vector<std::string>& argv, const condolock::process::CallerSignals& caller = signals().caller(),
              const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin"},
              const condolock::process::Deadlines& deadlines = {});
Started start_shell(const std::string& script, const condolock::process::Deadlines& deadlines = {});

condolock::process::SpawnError failed_start(const std::vector<std::string>& argv);

// Waits until the condition holds.
void wait_until(const std::function<bool()>& holds);
// Waits until a process is gone, or a zombie.
void wait_until_ended(pid_t pid);
// The state of a process as ps shows it; ' ': it is gone.
char state_of(pid_t pid);

// Waits until a process is stopped.
void wait_until_stopped(pid_t pid);

// The result of a function in a forked process, which has its own signals, descriptors and terminal. A CHECK that fails
// there is not seen, so the function must return what is to be checked.
std::string in_forked_process(const std::function<std::string()>& function);

template <class T>
bool Started::has() {
  look();
  for (const auto& each : seen_) {
    if (std::holds_alternative<T>(each)) return true;
  }
  return false;
}

template <class T>
T Started::await() {
  wait_until([this] { return has<T>(); });
  for (const auto& each : seen_) {
    if (const auto* found = std::get_if<T>(&each)) return *found;
  }
  return {};
}

}  // namespace support
