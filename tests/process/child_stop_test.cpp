// How a command is told to end, and which of its processes are left.
#include <doctest/doctest.h>

#include <csignal>
#include <set>

#include "process/processes.hpp"

using namespace condolock;
namespace news = process::news;
using support::Gate;
using support::start_shell;
using support::Started;

namespace {

// Stops itself. Ends with 9 if it gets the signal when it is continued, else with 1.
Started stopped_command(const std::string& signal) {
  Started started = start_shell("trap 'exit 9' " + signal + "; kill -STOP $$; exit 1");
  support::wait_until_stopped(started.pid());
  return started;
}

}  // namespace

TEST_CASE("stop: reaches the grandchildren in the command's own process group") {
  for (const int signal : {SIGTERM, SIGKILL}) {
    Started started = start_shell("(sleep 60 & sleep 60 & echo ready; wait) & wait");
    CHECK(started.out.line() == "ready");
    started.keeper.stop(signal);
    CHECK(started.exit_code() == 128 + signal);
    started.await_over();
    CHECK(started.out.rest().empty());  // all processes that could write have ended
  }
}

TEST_CASE("stop: a stopped command is continued, so that it acts on the signal") {
  Started started = stopped_command("TERM");
  started.keeper.stop(SIGTERM);
  CHECK(started.exit_code() == 9);
}

TEST_CASE("stop: KILL ends a command that ignores TERM") {
  Started started = start_shell("trap '' TERM; echo ready; while :; do sleep 60; done");
  CHECK(started.out.line() == "ready");
  started.keeper.stop(SIGTERM);
  started.keeper.stop(SIGKILL);
  CHECK(started.exit_code() == 128 + SIGKILL);
  CHECK(started.out.rest().empty());
}

TEST_CASE("forward: the whole group gets the signal") {
  Started started = start_shell(
      "(trap 'echo inner; exit' USR1; echo ready; while :; do sleep 60 & wait; done) & "
      "trap 'echo outer; exit 3' USR1; echo ready; while :; do wait; done");
  CHECK(started.out.line() == "ready");
  CHECK(started.out.line() == "ready");
  started.keeper.forward(SIGUSR1);
  CHECK(std::set<std::string>{started.out.line(), started.out.line()} == std::set<std::string>{"inner", "outer"});
  CHECK(started.exit_code() == 3);
}

TEST_CASE("forward: a stopped command is continued only for a signal that ends a process") {
  for (const auto& signal :
       std::vector<std::pair<int, std::string>>{{SIGTERM, "TERM"}, {SIGINT, "INT"}, {SIGHUP, "HUP"}, {SIGQUIT, "QUIT"}}) {
    const int number = signal.first;
    const std::string& name = signal.second;  // clang cannot capture a structured binding
    CAPTURE(name);
    Started started = stopped_command(name);
    started.keeper.forward(SIGUSR2);
    CHECK(support::state_of(started.pid()) == 'T');
    started.keeper.stop(SIGKILL);
    CHECK(started.exit_code() == 128 + SIGKILL);

    started = stopped_command(name);
    started.keeper.forward(number);
    CHECK(started.exit_code() == 9);
  }
}

TEST_CASE("over: not before the last process of the run has ended") {
  const Gate gate;
  Started started = start_shell("(read line <" + gate.path() + "; echo alive) & exit 2");
  CHECK(started.exit_code() == 2);
  CHECK_FALSE(started.has<news::Over>());
  gate.open();
  CHECK(started.out.line() == "alive");
  started.await_over();
}

TEST_CASE("over: at once after a command that failed and left nothing") {
  Started started = start_shell("exit 2");
  started.exit_code();
  CHECK(started.has<news::Over>());
}

TEST_CASE("over: TERM and KILL reach the processes that a command has left") {
  for (const int signal : {SIGTERM, SIGKILL}) {
    Started started = start_shell("(sleep 60 & wait) & exit 2");
    CHECK(started.exit_code() == 2);
    started.keeper.stop(signal);
    started.await_over();
    CHECK(started.out.rest().empty());
  }
}

TEST_CASE("let_go: processes that the command left go on") {
  const Gate gate;
  Started started = start_shell("(read line <" + gate.path() + "; echo alive) & exit 0");
  CHECK(started.exit_code() == 0);
  started.keeper.let_go();
  started.keeper.wait();
  CHECK(started.keeper.keeper_pid() == 0);
  gate.open();
  CHECK(started.out.line() == "alive");
}
