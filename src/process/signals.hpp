// Signals as events: blocked from the first line of main on, and collected where the loop waits. There are no handlers.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>

#include "util/fd.hpp"

namespace condolock::process {

// What the caller had set, which is what a child of ours must find.
struct CallerSignals {
  sigset_t mask{};
  bool ignored_sigchld = false;
};

struct Received {
  int number = 0;
  bool to_group = false;  // by the kernel: a key on the terminal, a changed window size. The whole foreground group got it.
};

// From its construction to the end of the process: TERM, INT, HUP, QUIT, USR1, USR2, CONT, WINCH and CHLD come here. (TSTP
// and TTIN keep stopping us, as job control expects. A signal that the caller ignored stays ignored.) PIPE, XFSZ and TTOU
// are blocked too: a message on a closed pipe, a full file or a terminal of others must neither end us nor stop us with a
// job running.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_.get(); }
  std::optional<Received> next();
  const CallerSignals& caller() const { return caller_; }

 private:
  CallerSignals caller_;
  util::Fd fd_;
};

}  // namespace condolock::process
