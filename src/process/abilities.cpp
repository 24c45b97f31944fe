#include "process/abilities.hpp"

#include <sys/prctl.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "process/proc.hpp"

namespace condolock::process {
namespace {

Lack refused(const char* what, const char* effect) {
  return {std::string(what) + " is refused (" + std::strerror(errno) + ")", effect,
          "allow prctl and timer_create in the sandbox or seccomp filter"};
}

bool has_boot_timer() {
  struct sigevent event {};
  event.sigev_notify = SIGEV_NONE;
  timer_t timer{};
  if (timer_create(CLOCK_BOOTTIME, &event, &timer) != 0) return false;
  timer_delete(timer);
  return true;
}

}  // namespace

std::vector<Lack> find_lacks() {
  std::vector<Lack> out;
  if (Table table; !table.read()) {
    out.push_back({"/proc can't be read",
                   "only the command and its process group are stopped with a run, not its other descendants",
                   "mount /proc"});
  }
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    out.push_back(
        refused("PR_SET_CHILD_SUBREAPER", "a process whose parent has ended is found only in the command's process group"));
  }
  int before = 0;
  if (prctl(PR_GET_PDEATHSIG, &before) != 0 || prctl(PR_SET_PDEATHSIG, before) != 0) {
    out.push_back(refused("PR_SET_PDEATHSIG",
                          "if condolock and its keeper are killed at the same time, the command lives on; if only condolock "
                          "is killed, it is noticed up to 100 ms late"));
  }
  if (!has_boot_timer()) {
    out.push_back(refused("timer_create(CLOCK_BOOTTIME)", "the keeper polls the time every 100 ms, which costs more"));
  }
  return out;
}

}  // namespace condolock::process
