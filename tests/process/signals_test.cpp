#include "process/signals.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "process/processes.hpp"

using namespace condolock;
using support::in_forked_process;
using support::pending;

namespace {

bool is_readable(int fd) {
  pollfd each{fd, POLLIN, 0};
  return poll(&each, 1, 0) == 1;
}

bool is_blocked(int number) {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, number) == 1;
}

}  // namespace

TEST_CASE("signals: a signal sent to this process is collected once") {
  process::Signals& signals = support::signals();
  static_cast<void>(pending(signals));  // signals that earlier tests have left
  CHECK(pending(signals).empty());
  CHECK_FALSE(is_readable(signals.fd()));
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGCHLD}) {
    CAPTURE(number);
    kill(getpid(), number);
    CHECK(is_readable(signals.fd()));
    // From a process, so only this process got it, even if the kernel sends such a signal to a group.
    CHECK(pending(signals) == std::to_string(number) + " ");
    CHECK_FALSE(is_readable(signals.fd()));
  }
}

TEST_CASE("signals: a signal that the caller ignored stays ignored, except CHLD") {
  CHECK(in_forked_process([] {
          support::reset_signals();
          for (const int number : {SIGHUP, SIGUSR1, SIGCHLD}) signal(number, SIG_IGN);
          process::Signals signals;
          for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) kill(getpid(), number);
          std::string text = pending(signals) + (is_blocked(SIGUSR1) ? "blocked " : "");
          struct sigaction action {};
          sigaction(SIGUSR1, nullptr, &action);
          text += action.sa_handler == SIG_IGN ? "USR1 ignored, " : "";
          sigaction(SIGCHLD, nullptr, &action);
          return text + (action.sa_handler == SIG_DFL ? "CHLD not" : "");
        }) == std::to_string(SIGUSR2) + " " + std::to_string(SIGCHLD) + " USR1 ignored, CHLD not");
}

TEST_CASE("signals: the caller's mask and its ignoring of CHLD are kept") {
  CHECK(in_forked_process([] {
          support::reset_signals();
          sigset_t mask;
          sigemptyset(&mask);
          sigaddset(&mask, SIGALRM);
          sigprocmask(SIG_SETMASK, &mask, nullptr);
          const process::Signals plain;
          std::string out;
          for (int number = 1; number < 32; ++number) {
            if (sigismember(&plain.caller().mask, number) == 1) out += std::to_string(number) + " ";
          }
          out += plain.caller().ignored_sigchld ? "ignored " : "not ";
          signal(SIGCHLD, SIG_IGN);
          return out + (process::Signals().caller().ignored_sigchld ? "ignored" : "not");
        }) == std::to_string(SIGALRM) + " not ignored");
}

TEST_CASE("signals: writing to a pipe without a reader is an error, and does not end the process") {
  CHECK(in_forked_process([]() -> std::string {
          support::reset_signals();
          const process::Signals signals;
          std::array<int, 2> ends{};
          if (pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
          close(ends[0]);
          return write(ends[1], "x", 1) < 0 && errno == EPIPE ? "EPIPE" : "written";
        }) == "EPIPE");
}

TEST_CASE("signals: TSTP and TTIN are not blocked, signals that a message may cause are") {
  for (const int number : {SIGTSTP, SIGTTIN}) CHECK_FALSE(is_blocked(number));
  for (const int number : {SIGPIPE, SIGXFSZ, SIGTTOU}) CHECK(is_blocked(number));
}
