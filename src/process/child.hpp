// The guarded command: what to start, and why it could not be started.
#pragma once

#include <csignal>
#include <string>
#include <vector>

namespace condolock::process {

struct Command {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH
  std::vector<std::string> environment;  // all of it, as NAME=value
  int stop_signal = SIGTERM;             // the first signal that the keeper sends to end the whole run
};

// Why the command was not started.
struct SpawnError {
  int error = 0;        // errno
  int exit_code = 126;  // 127: there is no such file; 126: the file exists but cannot be executed (POSIX, 2.8.2)
  std::string why;      // the same in words, with what to write instead
};

// Where the command may be: the name itself if it has a slash, else the name in each directory of PATH.
std::vector<std::string> paths_of(const std::string& name);

SpawnError spawn_error(int error, const Command& command);

// Opens descriptors 0, 1 and 2 if they are closed, so that no descriptor of condolock becomes the child's standard input.
// The child finds those closed that the caller had closed.
void occupy_standard_descriptors();

}  // namespace condolock::process
