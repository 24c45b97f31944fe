#include "process/signals.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>

namespace condolock::process {

namespace {

// The kernel sends the signals of the terminal's keys and size to the whole foreground group. It sends a hang-up only to the
// session's leader.
bool group_wide(int signal) { return signal == SIGINT || signal == SIGQUIT || signal == SIGWINCH; }

}  // namespace

Signals::Signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGCHLD}) {
    // If an ignored signal were blocked, the kernel would keep it and deliver it to us.
    struct sigaction action {};
    const bool ignored = sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    if (!ignored || number == SIGCHLD) sigaddset(&wanted, number);
  }
  sigset_t blocked = wanted;
  for (const int number : {SIGPIPE, SIGXFSZ, SIGTTOU}) sigaddset(&blocked, number);  // a message must not end or stop us
  sigprocmask(SIG_BLOCK, &blocked, &caller_.mask);

  // If CHLD is ignored, the kernel itself reaps children, and their exit codes are lost.
  struct sigaction action {};
  sigaction(SIGCHLD, nullptr, &action);
  caller_.ignored_sigchld = action.sa_handler == SIG_IGN;
  if (caller_.ignored_sigchld) {
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, nullptr);
  }
  fd_ = util::Fd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
}

void Signals::give_back() {
  if (caller_.ignored_sigchld) {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &action, nullptr);
  }
  sigprocmask(SIG_SETMASK, &caller_.mask, nullptr);
}

std::optional<Received> Signals::next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return Received{static_cast<int>(info.ssi_signo),
                  info.ssi_code == SI_KERNEL && group_wide(static_cast<int>(info.ssi_signo))};
}

}  // namespace condolock::process
