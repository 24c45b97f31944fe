// If condolock's process group is in the foreground of the terminal, the command shares it. Each test makes its own
// terminal.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "process/processes.hpp"

using namespace condolock;
using support::in_forked_process;
using support::pending;
using support::signals;
using support::start_shell;
using support::Started;

namespace {

// Calls a function in a process that leads a session with a terminal. The function gets the terminal's other side.
std::string on_terminal(const std::function<std::string(util::Fd& keyboard)>& function) {
  return in_forked_process([&] {
    setsid();
    util::Fd keyboard(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!keyboard || grantpt(keyboard.get()) != 0 || unlockpt(keyboard.get()) != 0) throw std::runtime_error("no pty");
    const util::Fd terminal(open(ptsname(keyboard.get()), O_RDWR | O_CLOEXEC));
    if (!terminal || tcgetpgrp(terminal.get()) != getpgrp()) throw std::runtime_error("not the controlling terminal");
    pending(signals());
    return function(keyboard);
  });
}

std::string yes(bool value) { return value ? "yes " : "no "; }

}  // namespace

TEST_CASE("terminal: the command stays in condolock's group") {
  CHECK(on_terminal([](util::Fd& /*keyboard*/) {
          Started started = start_shell("sleep 60");
          return yes(started.keeper.shares_group()) + yes(getpgid(started.pid()) == getpgrp());
        }) == "yes yes ");
}

TEST_CASE("terminal: signals of keys and of the window's size go to the group, those of a process and a hang-up do not") {
  CHECK(on_terminal([](util::Fd& keyboard) {
          const auto after = [](bool done) {
            if (!done) return std::string("failed");
            support::wait_for(signals().fd(), POLLIN);
            return pending(signals());
          };
          std::string out = after(write(keyboard.get(), "\x03", 1) == 1);
          out += after(write(keyboard.get(), "\x1c", 1) == 1);
          const winsize size{50, 100, 0, 0};
          out += after(ioctl(keyboard.get(), TIOCSWINSZ, &size) == 0);
          out += after(kill(getpid(), SIGINT) == 0);
          keyboard.reset();
          const std::string hang_up = after(true);
          return out + (hang_up.starts_with(std::to_string(SIGHUP) + " ") ? "hang-up" : hang_up);
        }) == "2g 3g 28g 2 hang-up");
}

TEST_CASE("terminal: has_got tells which signals the command got together with condolock") {
  const auto got = [](const Started& started) {
    return yes(started.keeper.has_got({SIGINT, true})) + yes(started.keeper.has_got({SIGINT, false})) +
           yes(started.keeper.has_got({SIGCONT, false}));
  };
  CHECK(on_terminal([&](util::Fd& /*keyboard*/) {
          const std::string leader = got(start_shell("sleep 60"));
          return leader + in_forked_process([&] { return got(start_shell("sleep 60")); });
        }) == "yes no no yes no yes ");
}

TEST_CASE("terminal: stop reaches all descendants of the command, and no other child of condolock") {
  CHECK(on_terminal([](util::Fd& /*keyboard*/) {
          const pid_t other = fork();
          if (other == 0) {
            execlp("sleep", "sleep", "60", nullptr);
            _exit(1);
          }
          Started started = start_shell("(sleep 60 &) ; setsid -w sleep 60 & echo ready; wait");
          std::string out = started.out.line() + " ";
          started.keeper.stop(SIGTERM);
          out += std::to_string(started.exit_code()) + " ";
          started.await_over();
          out += started.out.rest() + yes(support::state_of(other) != 'Z');
          kill(other, SIGKILL);
          return out;
        }) == "ready 143 yes ");
}

TEST_CASE("terminal: a signal is forwarded to the command only") {
  const support::Gate gate;
  const std::string script = "(trap 'echo inner' USR1; echo ready; read line <" + gate.path() +
                             "; echo end) & trap 'echo outer' USR1; echo ready; wait; wait";
  CHECK(on_terminal([&](util::Fd& /*keyboard*/) {
          Started started = start_shell(script);
          started.out.line();
          started.out.line();
          started.keeper.forward(SIGUSR1);
          std::string out = started.out.line() + " ";
          gate.open();
          return out + started.out.rest();
        }) == "outer end\n");
}
