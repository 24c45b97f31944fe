// The guarded command, as a process. Knows no lease.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "process/signals.hpp"

namespace condolock::process {

struct Command {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH
  std::vector<std::string> environment;  // all of it, as NAME=value
};

// Why nothing was started.
struct SpawnError {
  int error = 0;        // errno
  int exit_code = 126;  // 127: there is no such file; 126: there is, but it can't be executed (POSIX, 2.8.2)
  std::string why;      // the same in words, with what to write instead
};

class Child {
 public:
  // Starts the command with the caller's signal mask and dispositions and with the descriptors that the caller passed. It
  // dies when we do. It gets a process group of its own, unless ours is the one that holds the controlling terminal: then it
  // stays in ours, so that Ctrl-C, Ctrl-Z and fg work on it as they would without us. Returns when the exec is done or has
  // failed.
  static std::variant<Child, SpawnError> spawn(const Command& command, const CallerSignals& caller);

  pid_t pid() const { return pid_; }
  bool shares_group() const { return shares_group_; }

  // A signal that came to us was sent to the command as well: both are in the foreground group, or, for CONT, in the job
  // that a shell continues.
  bool has_got(const Received& signal) const;
  // To the whole process group where it has its own, else to the command alone. One that ends a process is followed by CONT,
  // since a stopped one would not act on it.
  void forward(int signal) const;
  // To the command and all its descendants, not to what was below us before: by group where it has its own; on a terminal
  // one by one, since the group is also the user's pipeline. KILL is repeated until no descendant is left.
  void stop(int signal) const;

  // After SIGCHLD: the exit code once the command has ended (128+N for signal N). With `kill_rest`, what is left of its
  // group or its descendants is killed before: so long as the command is not reaped, its number can't belong to somebody
  // else.
  std::optional<int> reap(bool kill_rest);

 private:
  Child(pid_t pid, bool shares_group, std::vector<pid_t> others)
      : pid_(pid), shares_group_(shares_group), others_(std::move(others)) {}

  pid_t pid_;
  bool shares_group_;
  std::vector<pid_t> others_;  // our children before it: none of its business
};

// Descriptors 0, 1 and 2 are taken, so that none of ours becomes the child's standard input; where the caller had closed
// one, the child finds it closed.
void occupy_standard_descriptors();

}  // namespace condolock::process
