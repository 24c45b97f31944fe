#include "process/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "process/descendants.hpp"
#include "process/exec_failure.hpp"
#include "util/fd.hpp"

namespace condolock::process {
namespace {

bool holds_terminal() {
  const util::Fd terminal(open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY));
  return terminal && tcgetpgrp(terminal.get()) == getpgrp();
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// ENOENT also means that the interpreter of a script is missing. For a name without a slash, exec also says EACCES for a
// directory of PATH that may not be searched, and ENAMETOOLONG for a shell line. There is no such file then, either.
SpawnError spawn_error(int error, const Command& command) {
  const auto file = find_program(command.argv[0]);
  const bool missing = !file && (error == ENOENT || error == ENOTDIR || command.argv[0].find('/') == std::string::npos);
  return {error, missing ? 127 : 126, explain_exec_failure(error, file, command.argv)};
}

struct Start {
  char* const* argv;
  char* const* environment;
  const CallerSignals* caller;
  pid_t parent;
  bool share_group;
};

// In the vforked child, on the parent's memory and stack: system calls only. Returns only if exec failed.
int exec_in_child(const Start& start) {
  if (!start.share_group && setpgid(0, 0) != 0) return errno;
  // vfork shares no signal table, so this is the child's own.
  if (start.caller->ignored_sigchld) signal(SIGCHLD, SIG_IGN);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != start.parent) _exit(128 + SIGKILL);  // it died before the line above, so no signal will come
  if (sigprocmask(SIG_SETMASK, &start.caller->mask, nullptr) != 0) return errno;
  execvpe(start.argv[0], start.argv, start.environment);
  return errno;
}

}  // namespace

std::variant<Child, SpawnError> Child::spawn(const Command& command, const CallerSignals& caller) {
  const bool share_group = holds_terminal();
  const std::vector<char*> argv = pointers(command.argv);
  const std::vector<char*> environment = pointers(command.environment);
  const Start start{argv.data(), environment.data(), &caller, getpid(), share_group};
  std::vector<pid_t> others;
  if (share_group) {
    // Orphans of a child in our group come to us, so that they can be found when it has to be stopped.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    others = living_children();
  }
  volatile int error = 0;
  // vfork, since posix_spawn can't set a parent-death signal and fork copies what we have.
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (pid == 0) {
    error = exec_in_child(start);  // NOLINT(clang-analyzer-unix.Vfork): system calls only
    _exit(127);
  }
  if (pid < 0) return SpawnError{errno, 126, std::strerror(errno)};
  if (error != 0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return spawn_error(error, command);
  }
  return Child(pid, share_group, std::move(others));
}

bool Child::has_got(const Received& signal) const {
  if (!shares_group_) return false;
  if (signal.number == SIGCONT) return getsid(0) != getpid();  // a session's leader is continued by the kernel, alone
  return signal.to_group;
}

void Child::forward(int signal) const {
  kill(shares_group_ ? pid_ : -pid_, signal);
  const bool ends = signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
  if (ends && !shares_group_) kill(-pid_, SIGCONT);
}

void Child::stop(int signal) const {
  // A stopped process acts on no signal but KILL until it is continued; timeout(1) does the same.
  for (const int each : {signal, SIGCONT}) {
    if (shares_group_) {
      signal_descendants(each, others_);
    } else {
      kill(-pid_, each);
    }
    if (signal == SIGKILL) return;
  }
}

std::optional<int> Child::reap(bool kill_rest) {
  for (;;) {
    siginfo_t info{};
    const idtype_t which = shares_group_ ? P_ALL : P_PID;
    if (waitid(which, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
      return std::nullopt;
    }
    const bool command = info.si_pid == pid_;
    if (command && kill_rest) stop(SIGKILL);
    int status = 0;
    waitpid(info.si_pid, &status, 0);
    std::erase(others_, info.si_pid);  // the number may be a descendant's now
    if (command) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    // Opened the other way round, so that reading or writing still fails.
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  }
}

}  // namespace condolock::process
