// The keeper and condolock, each without the other.
#include "process/keeper.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "process/processes.hpp"

using namespace condolock;
namespace news = process::news;
using support::start_shell;
using support::Started;

namespace {

// A shell with a worker, an orphaned worker, one below timeout, and one in a session of its own. Each writes "up" to the
// shell's standard output once it has a child. TERM comes only once, so no process may fork after it.
const std::string member = "sh -c 'sleep 60 & echo up; wait'";
const std::string tree = member + " & (" + member + " &) ; timeout 60 " + member + " & setsid -w " + member + " & wait";
const std::string deaf_tree = "trap '' TERM; " + tree;

void await_tree(support::LineReader& out) {
  for (int i = 0; i < 4; ++i) CHECK(out.line() == "up");
}

bool is_alive(pid_t pid) { return support::state_of(pid) != ' ' && support::state_of(pid) != 'Z'; }

Instant in(Millis time) { return BootClock::now() + time; }

struct StartedElsewhere {
  pid_t condolock = 0;
  support::LineReader out;  // ends with the last process of the run, and with condolock
};

// Starts the command in a separate process, which then does nothing more.
StartedElsewhere start_elsewhere(const std::string& script, const process::Deadlines& deadlines, process::Keeper::By by) {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t condolock = fork();
  if (condolock == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    auto started =
        process::Keeper::start({{"sh", "-c", script}, {"PATH=/usr/bin:/bin"}}, support::signals().caller(), deadlines, by);
    close(STDOUT_FILENO);
    for (;;) pause();
  }
  close(ends[1]);
  return {condolock, support::LineReader(util::Fd(ends[0]))};
}

}  // namespace

TEST_CASE("keeper: if condolock is killed, the keeper ends the whole run") {
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  for (const auto by : {process::Keeper::By::clone, process::Keeper::By::fork}) {
    for (const std::string& script : {tree, deaf_tree}) {
      StartedElsewhere run = start_elsewhere(script, {}, by);
      await_tree(run.out);
      kill(run.condolock, SIGKILL);
      waitpid(run.condolock, nullptr, 0);
      CHECK(run.out.rest().empty());  // the pipe closes when all processes have ended
    }
  }
}

TEST_CASE("keeper: if condolock is stopped, the keeper ends the run when its deadline passes") {
  StartedElsewhere run = start_elsewhere(deaf_tree, {in(Millis(3000)), in(Millis(3300))}, process::Keeper::By::clone);
  await_tree(run.out);
  kill(run.condolock, SIGSTOP);
  CHECK(run.out.rest().empty());
  kill(run.condolock, SIGKILL);
  waitpid(run.condolock, nullptr, 0);
}

TEST_CASE("keeper: condolock is killed at any time, before and after the exec, and the keeper ends the run") {
  for (int microseconds = 0; microseconds < 1500; microseconds += 15) {
    StartedElsewhere run = start_elsewhere("sleep 60 & sleep 60", {}, process::Keeper::By::clone);
    usleep(static_cast<useconds_t>(microseconds));
    kill(run.condolock, SIGKILL);
    waitpid(run.condolock, nullptr, 0);
    CHECK(run.out.rest().empty());
  }
}

TEST_CASE("keeper: if it is killed, condolock finds the processes that are left and can end them") {
  Started started = start_shell(deaf_tree);
  await_tree(started.out);
  kill(started.keeper.keeper_pid(), SIGKILL);
  started.await<news::Gone>();
  started.keeper.stop(SIGTERM);
  CHECK(started.exit_code() == 128 + SIGKILL);
  CHECK_FALSE(started.has<news::Over>());
  started.keeper.stop(SIGKILL);
  started.await_over();
  CHECK(started.out.rest().empty());
}

TEST_CASE("keeper: if it is stopped, condolock learns of it and can end the run") {
  Started started = start_shell(tree);
  await_tree(started.out);
  kill(started.keeper.keeper_pid(), SIGSTOP);
  started.await<news::Gone>();
  started.keeper.stop(SIGTERM);
  CHECK(started.exit_code() == 128 + SIGTERM);
  started.await_over();
  CHECK(started.out.rest().empty());
}

TEST_CASE("keeper: a deadline that was moved replaces the old one") {
  Started started = start_shell("echo ready; sleep 60", {in(Millis(3000)), in(Millis(3'600'000))});
  started.keeper.move_deadlines({in(Millis(3'600'000)), in(Millis(3'600'000))});
  CHECK(started.out.line() == "ready");
  poll(nullptr, 0, 3500);
  CHECK_FALSE(started.has<news::Expired>());
  started.keeper.move_deadlines({in(Millis(0)), in(Millis(3'600'000))});
  started.await<news::Expired>();
  CHECK(started.exit_code() == 128 + SIGTERM);
}

// Found by keeper.bats: condolock took such a run for a success, since the keeper did not report the deadline.
TEST_CASE("keeper: a deadline that ends what the command left is reported between the command's end and the run's end") {
  Started started = start_shell("sleep 60 & exit 0", {in(Millis(3'600'000)), in(Millis(3'600'000))});
  CHECK(started.exit_code() == 0);
  started.keeper.move_deadlines({in(Millis(0)), in(Millis(3'600'000))});
  started.await_over();
  CHECK(started.has<news::Expired>());
}

TEST_CASE("keeper: TERM is sent once, by condolock or by the keeper") {
  Started started = start_shell("trap 'echo TERM' TERM; echo ready; while :; do sleep 60 & wait; done",
                                {in(Millis(3000)), in(Millis(4000))});
  CHECK(started.out.line() == "ready");
  started.keeper.stop(SIGTERM);
  CHECK(started.out.rest() == "TERM\n");
  CHECK(started.exit_code() == 128 + SIGKILL);
  CHECK_FALSE(started.has<news::Expired>());
}

TEST_CASE("keeper: a daemon has left the run, and a session that the run waits for has not") {
  Started daemon = start_shell("setsid -f sh -c 'echo $$; exec sleep 60' & wait; exit 1");
  const pid_t left = std::atoi(daemon.out.line().c_str());
  CHECK(daemon.exit_code() == 1);
  daemon.await_over();
  CHECK(is_alive(left));
  kill(left, SIGKILL);

  Started session = start_shell("setsid -w sh -c 'trap \"\" TERM; echo $$; exec sleep 60' & wait; exit 1");
  const pid_t inner = std::atoi(session.out.line().c_str());
  session.keeper.stop(SIGTERM);
  session.exit_code();
  CHECK_FALSE(session.has<news::Over>());
  CHECK(is_alive(inner));
  session.keeper.stop(SIGKILL);
  session.await_over();
  CHECK_FALSE(is_alive(inner));
}

TEST_CASE("keeper: it has its own name, and none of condolock's descriptors") {
  Started started = start_shell("echo ready; sleep 60");
  CHECK(started.out.line() == "ready");
  const std::string process = "/proc/" + std::to_string(started.keeper.keeper_pid());
  std::string name;
  std::getline(std::ifstream(process + "/comm"), name);
  CHECK(name == "lease-keeper");
  support::wait_until([&] { return std::filesystem::is_empty(process + "/fd"); });
}
