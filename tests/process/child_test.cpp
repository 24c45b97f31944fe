#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "process/processes.hpp"
#include "support/scoped_variable.hpp"

using namespace condolock;
using support::in_forked_process;
using support::start;
using support::start_shell;
using support::Started;

namespace {

// A directory with files that cannot all be executed.
struct Files {
  support::TemporaryDirectory directory;

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    std::string path = directory.path() + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
};

int code_of_command(const std::vector<std::string>& argv) { return start(argv).exit_code(); }
int code_of_shell(const std::string& script) { return start_shell(script).exit_code(); }

// A value from /proc/PID/status of a started process: the text after "Name:".
std::string status_field(const std::string& status, const std::string& name) {
  const std::size_t at = status.find(name + ":\t");
  if (at == std::string::npos) return "no such field";
  return status.substr(at + name.size() + 2, status.find('\n', at) - at - name.size() - 2);
}

std::string mask_text(std::initializer_list<int> numbers) {
  std::uint64_t mask = 0;
  for (const int number : numbers) mask |= std::uint64_t{1} << static_cast<unsigned>(number - 1);
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; mask >>= 4U) out[i] = "0123456789abcdef"[mask & 15U];
  return out;
}

}  // namespace

TEST_CASE("child: every exit code comes back") {
  for (int code = 0; code <= 255; ++code) CHECK(code_of_shell("exit " + std::to_string(code)) == code);
}

TEST_CASE("child: after signal N its code is 128+N") {
  CHECK(code_of_shell("kill -TERM $$") == 128 + SIGTERM);
  CHECK(code_of_shell("kill -KILL $$") == 128 + SIGKILL);
  CHECK(code_of_shell("kill -USR1 $$") == 128 + SIGUSR1);
  CHECK(code_of_shell("kill -PIPE $$") == 128 + SIGPIPE);
}

TEST_CASE("child: it has no exit code while it is alive") {
  const support::Gate gate;
  Started started = start_shell("read line <" + gate.path() + "; exit 4");
  CHECK_FALSE(started.has<process::news::Exited>());
  gate.open();
  CHECK(started.exit_code() == 4);
}

TEST_CASE_FIXTURE(Files, "child: 127 if there is no such file") {
  for (const std::string& name :
       {std::string("condolock-no-such-command"), directory.path() + "/none", write("f", "", 0600) + "/x"}) {
    CAPTURE(name);
    CHECK(support::failed_start({name}).exit_code == 127);
  }
  CHECK(support::failed_start({"condolock-no-such-command"}).error == ENOENT);
}

TEST_CASE_FIXTURE(Files, "child: 126 if the file cannot be executed") {
  CHECK(support::failed_start({write("plain", "x", 0600)}).exit_code == 126);
  CHECK(support::failed_start({write("plain", "x", 0600)}).error == EACCES);
  CHECK(support::failed_start({directory.path()}).exit_code == 126);
}

TEST_CASE_FIXTURE(Files, "child: 126 for a script whose interpreter is missing, by path and in PATH") {
  const process::SpawnError by_path = support::failed_start({write("script", "#!/no/such/interpreter\n", 0700)});
  CHECK(by_path.exit_code == 126);
  CHECK(by_path.error == ENOENT);
  const support::ScopedVariable path("PATH", "/no-such-directory:" + directory.path());
  CHECK(support::failed_start({"script"}).exit_code == 126);
  CHECK(support::failed_start({"scripts"}).exit_code == 127);
}

TEST_CASE_FIXTURE(Files, "child: looked up in condolock's PATH, not in the command's") {
  write("condolock-test-command", "#!/bin/sh\nexit 6\n", 0700);
  CHECK(support::failed_start({"condolock-test-command"}).exit_code == 127);
  const support::ScopedVariable path("PATH", "/no-such-directory:" + directory.path());
  CHECK(code_of_command({"condolock-test-command"}) == 6);
}

TEST_CASE_FIXTURE(Files, "child: a script without a #! line is run by the shell") {
  CHECK(code_of_command({write("script", "exit 5\n", 0700)}) == 5);
}

TEST_CASE("child: arguments arrive unchanged, empty ones too") {
  Started started = start({"printf", "[%s]", "a b", "", "*", "$HOME\n"});
  CHECK(started.out.rest() == "[a b][][*][$HOME\n]");
  CHECK(started.exit_code() == 0);
}

TEST_CASE("child: its environment is exactly the given one") {
  const support::ScopedVariable ours("CONDOLOCK_TEST_OURS", "1");
  Started some = start({"env"}, support::signals().caller(), {"A=1", "B=two words", "C="});
  CHECK(some.out.rest() == "A=1\nB=two words\nC=\n");
  CHECK(some.exit_code() == 0);
  Started none = start({"env"}, support::signals().caller(), {});
  CHECK(none.out.rest().empty());
  CHECK(none.exit_code() == 0);
}

TEST_CASE("child: it gets the caller's descriptors and none of condolock's") {
  std::string expected;
  for (const int fd : support::descriptors_of_our_caller()) expected += std::to_string(fd) + " ";
  CHECK(support::signals().fd() >= 0);
  Started started =
      start_shell("n=0; while [ $n -lt 256 ]; do if [ -e /proc/self/fd/$n ]; then printf '%s ' $n; fi; n=$((n + 1)); done");
  CHECK(started.out.rest() == expected);
  CHECK(started.exit_code() == 0);
}

TEST_CASE("child: it gets the caller's signal mask and ignored signals") {
  const std::string status = in_forked_process([] {
    support::reset_signals();
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGTSTP);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    const process::Signals ours;
    Started started = start({"cat", "/proc/self/status"}, ours.caller());
    std::string text = started.out.rest();
    return text + "code:\t" + std::to_string(started.exit_code()) + "\n";
  });
  CHECK(status_field(status, "SigBlk") == mask_text({SIGUSR1, SIGTSTP}));
  CHECK(status_field(status, "SigIgn") == mask_text({SIGUSR2, SIGCHLD}));
  CHECK(status_field(status, "code") == "0");  // known, although the kernel reaps the children of a caller that ignores CHLD
}

TEST_CASE("child: no signal is blocked or ignored if the caller has set none") {
  Started started = start({"cat", "/proc/self/status"});
  const std::string status = started.out.rest();
  CHECK(status_field(status, "SigBlk") == mask_text({}));
  CHECK(status_field(status, "SigIgn") == mask_text({}));
  CHECK(started.exit_code() == 0);
}

TEST_CASE("child: it has its own process group if the session has no terminal") {
  Started started = start({"sleep", "60"});
  CHECK(getpgid(started.pid()) == started.pid());
  CHECK_FALSE(started.keeper.shares_group());
  CHECK_FALSE(started.keeper.has_got({SIGINT, true}));
  CHECK_FALSE(started.keeper.has_got({SIGCONT, false}));
}

TEST_CASE("child: started by fork it behaves the same") {
  support::started_by() = process::Keeper::By::fork;
  CHECK(code_of_shell("exit 7") == 7);
  CHECK(support::failed_start({"condolock-no-such-command"}).exit_code == 127);
  CHECK(support::failed_start({"/"}).error == EACCES);
  Started started = start_shell("sleep 60 & sleep 60");
  started.keeper.stop(SIGTERM);
  CHECK(started.exit_code() == 128 + SIGTERM);
  started.await_over();
  support::started_by() = process::Keeper::By::clone;
}

TEST_CASE("child: no descriptor is left open") {
  CHECK(in_forked_process([] {
          rlimit limit{};
          getrlimit(RLIMIT_NOFILE, &limit);
          const int next = dup(0);
          close(next);
          limit.rlim_cur = static_cast<rlim_t>(next);
          setrlimit(RLIMIT_NOFILE, &limit);
          auto result = process::Keeper::start({{"sh", "-c", "sleep 60 & sleep 60"}, {"PATH=/usr/bin:/bin"}},
                                               support::signals().caller(), {});
          if (!std::holds_alternative<process::Keeper>(result)) return std::string("not started");
          Started started(std::get<process::Keeper>(std::move(result)), support::LineReader(util::Fd()));
          started.await<process::news::Started>();
          started.keeper.stop(SIGTERM);
          const int code = started.exit_code();
          started.await_over();
          return std::to_string(code);
        }) == "143");
}
