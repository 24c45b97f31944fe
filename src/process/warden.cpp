#include "process/warden.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>

#include "process/system_call.hpp"

namespace condolock::process {
namespace {

bool wait_for(idtype_t which, pid_t pid, int what, siginfo_t& info) {
  info.si_pid = 0;
  return system_call(SYS_waitid, which, pid, address_of(&info), what | WNOHANG, 0) == 0 && info.si_pid != 0;
}

}  // namespace

std::int64_t boot_time() {
  timespec time{};
  system_call(SYS_clock_gettime, CLOCK_BOOTTIME, address_of(&time));
  return time.tv_sec * second + time.tv_nsec;
}

// Orphans are reaped. The command is not, so that no other process gets its number.
bool Warden::look() {
  siginfo_t info{};
  bool news = false;
  if (!shared_.exited) {
    while (wait_for(P_PID, tree_.command, WSTOPPED | WCONTINUED, info)) {
      shared_.stopped = info.si_code == CLD_STOPPED;
      news = news || shared_.stopped;
    }
    if (!has_ended()) return news;
    // After a success, usually only the exit code is needed.
    if (shared_.code != 0) look_for_rest();
    shared_.exited = true;
    return true;
  }
  if (!shared_.over) look_for_rest();
  return shared_.over;
}

bool Warden::has_ended() {
  siginfo_t info{};
  while (wait_for(P_ALL, 0, WEXITED | WNOWAIT, info)) {
    if (info.si_pid != tree_.command) {
      system_call(SYS_wait4, info.si_pid, 0, WNOHANG, 0);
      continue;
    }
    shared_.code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    look_at_ = boot_time() + millisecond;
    return true;
  }
  return false;
}

// No signal reports that a process leaves the session, so this looks at the rest again.
void Warden::look_for_rest() {
  rest_ = rest_of(tree_, shared_.noted);
  if (rest_ == Rest::unknown && is_over_without_proc(tree_)) rest_ = Rest::none;
  if (rest_ == Rest::none) {
    look_at_ = never;
    shared_.over = true;
    return;
  }
  if (shared_.phase == killed && rest_ != Rest::denied) signal_tree(tree_, shared_.noted, SIGKILL, Reach::all);
  const std::int64_t time = boot_time();
  if (time < look_at_) return;
  constexpr std::array<std::int64_t, 3> pauses{10 * millisecond, 100 * millisecond, second};
  look_at_ = time + pauses[std::min<std::size_t>(looks_++, pauses.size() - 1)];
}

}  // namespace condolock::process
