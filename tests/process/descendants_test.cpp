#include "process/descendants.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "process/processes.hpp"

using namespace condolock;
using support::Gate;
using support::start_shell;
using support::Started;

namespace {

std::vector<pid_t> children_now() {
  std::vector<pid_t> out = process::living_children();
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<pid_t> sorted(std::vector<pid_t> pids) {
  std::sort(pids.begin(), pids.end());
  return pids;
}

// A child of ours with a child of its own, whose number it tells.
struct Family {
  Started parent = start_shell("sleep 60 & echo $!; wait");
  pid_t grandchild = std::atoi(parent.out.line().c_str());
};

}  // namespace

TEST_CASE("living_children: our own children, and neither theirs nor zombies") {
  REQUIRE(children_now().empty());
  Family family;
  const Gate gate;
  Started other = start_shell("read line <" + gate.path());
  CHECK(family.grandchild > 0);
  CHECK(children_now() == sorted({family.parent.child.pid(), other.child.pid()}));
  gate.open();
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(other.child.pid()), &info, WEXITED | WNOWAIT);
  CHECK(children_now() == std::vector<pid_t>{family.parent.child.pid()});
  CHECK(other.exit_code() == 0);
  family.parent.child.stop(SIGKILL);
  CHECK(family.parent.exit_code() == 128 + SIGKILL);
  CHECK(children_now().empty());
}

TEST_CASE("living_children: a name that looks like the end of a name") {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NAME, ") Z 1 (x) Z 1 ");
    kill(getpid(), SIGSTOP);
    _exit(0);
  }
  support::wait_until_stopped(pid);
  CHECK(children_now() == std::vector<pid_t>{pid});
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_CASE("signal_descendants: children and what is below them") {
  for (const int signal : {SIGTERM, SIGKILL}) {
    Family one;
    Family two;
    process::signal_descendants(signal, {});
    CHECK(one.parent.exit_code() == 128 + signal);
    CHECK(two.parent.exit_code() == 128 + signal);
    CHECK(one.parent.out.rest().empty());
    CHECK(two.parent.out.rest().empty());
  }
}

TEST_CASE("signal_descendants: spares those that are named, and what is below them") {
  Family ended;
  const Gate gate;
  Started spared = start_shell("(read line <" + gate.path() + "; echo alive; exit 3) & echo ready; wait $!");
  CHECK(spared.out.line() == "ready");
  process::signal_descendants(SIGKILL, {spared.child.pid()});
  CHECK(ended.parent.exit_code() == 128 + SIGKILL);
  CHECK(ended.parent.out.rest().empty());
  gate.open();
  CHECK(spared.out.line() == "alive");
  CHECK(spared.exit_code() == 3);
}
