// The code of the keeper. It is a process of its own that may share condolock's memory, so it makes system calls only (see
// system_call.hpp). All that it reads is in `KeeperPlan`, which condolock does not change before the keeper has ended.
//
// The keeper starts the command, and reaps it and its orphans. It ends the run if condolock cannot: because condolock is
// dead, or because it did not move a deadline that has passed.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "process/warden.hpp"

namespace condolock::process {

// The input of the keeper. It does not change while the keeper runs.
struct KeeperPlan {
  Shared* shared = nullptr;
  const char* const* paths = nullptr;  // where the command may be, in the order of PATH; ends with null
  char* const* arguments = nullptr;
  const char** shell_arguments = nullptr;  // "/bin/sh", a place for the path, the other arguments: for a script without #!
  char* const* environment = nullptr;
  sigset_t mask{};               // for the command
  bool ignores_sigchld = false;  // for the command
  bool shares_group = false;     // the command stays in condolock's process group
  bool own_session = false;      // the keeper leaves the session
  bool shares_memory = false;    // with condolock
  int pipe = -1;                 // closes when the command was executed or could not be; -1: there is none
  int stop_signal = SIGTERM;     // the first signal that ends the run; KILL follows
  pid_t condolock = 0;
  pid_t session = 0;
  char* command_stack = nullptr;  // its end
};

// The keeper's whole life. Returns its exit code.
int keep(const KeeperPlan& plan);
// The same, for clone().
int keep_in_clone(void* plan);

}  // namespace condolock::process
