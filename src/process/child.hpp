// The guarded command: what to start, and why it could not be started.
#pragma once

#include <csignal>
#include <string>
#include <vector>

namespace condolock::process {

struct Command {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH
  std::vector<std::string> environment;  // all of it, as NAME=value
  int stop_signal = SIGTERM;             // what the keeper sends first to end all of the run
};

// Why nothing was started.
struct SpawnError {
  int error = 0;        // errno
  int exit_code = 126;  // 127: there is no such file; 126: there is, but it can't be executed (POSIX, 2.8.2)
  std::string why;      // the same in words, with what to write instead
};

// Where the command may be: its name if that has a slash, else its name in each directory of our PATH.
std::vector<std::string> paths_of(const std::string& name);

SpawnError spawn_error(int error, const Command& command);

// Descriptors 0, 1 and 2 are taken, so that none of ours becomes the child's standard input; where the caller had closed
// one, the child finds it closed.
void occupy_standard_descriptors();

}  // namespace condolock::process
