// Signals as events: blocked from the start of main on, and collected where the loop waits. There are no handlers.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>

#include "util/fd.hpp"

namespace condolock::process {

// The caller's settings, which our child gets back.
struct CallerSignals {
  sigset_t mask{};
  bool ignored_sigchld = false;
};

struct Received {
  int number = 0;
  bool to_group = false;  // the kernel sent it to the whole foreground group: a key on the terminal, a new window size
};

// From its construction to the end of the process, this collects TERM, INT, HUP, QUIT, USR1, USR2, CONT, WINCH and CHLD.
// TSTP and TTIN still stop condolock, as job control expects. A signal that the caller ignored stays ignored. PIPE, XFSZ and
// TTOU are blocked too: a message to a closed pipe, a full file or another job's terminal must neither end nor stop
// condolock while a job runs.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_.get(); }
  std::optional<Received> next();
  const CallerSignals& caller() const { return caller_; }
  // Before this process becomes another program: sets what the caller had set. No signal is lost, since those that have
  // arrived stay pending.
  void give_back();

 private:
  CallerSignals caller_;
  util::Fd fd_;
};

}  // namespace condolock::process
