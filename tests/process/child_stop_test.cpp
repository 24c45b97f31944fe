// How a command is told to end, and what is left of it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "process/processes.hpp"

using namespace condolock;
using support::Gate;
using support::start_shell;
using support::Started;

namespace {

bool is_stopped(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid &&
         waitid(P_PID, static_cast<id_t>(pid), &info, WCONTINUED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

// Stops itself; ends with 9 when it finds the signal as it is continued, with 1 when it does not.
Started stopped_command(const std::string& signal) {
  Started started = start_shell("trap 'exit 9' " + signal + "; kill -STOP $$; exit 1");
  support::wait_until_stopped(started.child.pid());
  return started;
}

}  // namespace

TEST_CASE("stop: reaches the grandchildren in the command's own process group") {
  for (const int signal : {SIGTERM, SIGKILL}) {
    Started started = start_shell("(sleep 60 & sleep 60 & echo ready; wait) & wait");
    CHECK(started.out.line() == "ready");
    started.child.stop(signal);
    CHECK(started.exit_code() == 128 + signal);
    CHECK(started.out.rest().empty());  // all that could write have ended
  }
}

TEST_CASE("stop: a stopped command is continued, so that it acts on the signal") {
  Started started = stopped_command("TERM");
  started.child.stop(SIGTERM);
  CHECK(started.exit_code() == 9);
}

TEST_CASE("stop: KILL ends a command that ignores TERM") {
  Started started = start_shell("trap '' TERM; echo ready; while :; do sleep 60; done");
  CHECK(started.out.line() == "ready");
  started.child.stop(SIGTERM);
  CHECK_FALSE(started.child.reap(false));
  started.child.stop(SIGKILL);
  CHECK(started.exit_code() == 128 + SIGKILL);
  CHECK(started.out.rest().empty());
}

TEST_CASE("forward: the whole group gets the signal") {
  Started started = start_shell(
      "(trap 'echo inner; exit' USR1; echo ready; while :; do sleep 60 & wait; done) & "
      "trap 'echo outer; exit 3' USR1; echo ready; while :; do wait; done");
  CHECK(started.out.line() == "ready");
  CHECK(started.out.line() == "ready");
  started.child.forward(SIGUSR1);
  CHECK(std::set<std::string>{started.out.line(), started.out.line()} == std::set<std::string>{"inner", "outer"});
  CHECK(started.exit_code(true) == 3);
}

TEST_CASE("forward: a stopped command is continued for a signal that ends, and for no other") {
  for (const auto& signal :
       std::vector<std::pair<int, std::string>>{{SIGTERM, "TERM"}, {SIGINT, "INT"}, {SIGHUP, "HUP"}, {SIGQUIT, "QUIT"}}) {
    const int number = signal.first;
    const std::string& name = signal.second;  // clang captures no structured binding
    CAPTURE(name);
    Started started = stopped_command(name);
    started.child.forward(SIGUSR2);
    CHECK(is_stopped(started.child.pid()));
    started.child.stop(SIGKILL);
    CHECK(started.exit_code() == 128 + SIGKILL);

    started = stopped_command(name);
    started.child.forward(number);
    CHECK(started.exit_code(true) == 9);
  }
}

TEST_CASE("reap: what is left of the command is killed where that is asked for") {
  Started started = start_shell("trap '' TERM; sleep 60 & (sleep 60 & wait) & exit 2");
  CHECK(started.exit_code(true) == 2);
  CHECK(started.out.rest().empty());
}

TEST_CASE("reap: else it lives on") {
  const Gate gate;
  Started started = start_shell("(read line <" + gate.path() + "; echo alive) & exit 2");
  CHECK(started.exit_code(false) == 2);
  gate.open();
  CHECK(started.out.line() == "alive");
}

TEST_CASE("reap: other children are left alone") {
  Started other = start_shell("exit 5");
  Started started = start_shell("exit 6");
  CHECK(started.exit_code() == 6);
  CHECK(other.exit_code() == 5);
}
