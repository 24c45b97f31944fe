#include "process/keeper_process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <ctime>

#include "process/system_call.hpp"

namespace condolock::process {
namespace {

// Within a second of condolock's death, no process of the run may be alive.
constexpr std::int64_t grace_of_orphans = second / 2;

// rt_sigprocmask and rt_sigaction take the kernel's own types.
constexpr long kernel_mask_size = 8;
struct KernelAction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  std::uint64_t mask;
};

// ---- the command, before it is executed

void execute(const KeeperPlan& plan, int& error) {
  error = ENOENT;
  for (const char* const* path = plan.paths; *path != nullptr; ++path) {
    long result = system_call(SYS_execve, address_of(*path), address_of(plan.arguments), address_of(plan.environment));
    if (result == -ENOEXEC) {
      plan.shell_arguments[1] = *path;
      result =
          system_call(SYS_execve, address_of("/bin/sh"), address_of(plan.shell_arguments), address_of(plan.environment));
    }
    const int failure = static_cast<int>(-result);
    const bool missing =
        failure == ENOENT || failure == ENOTDIR || failure == ESTALE || failure == ENODEV || failure == ETIMEDOUT;
    if (failure == EACCES) {
      error = EACCES;  // unless a later directory has an executable one
    } else if (!missing) {
      error = failure;
      return;
    } else if (error != EACCES) {
      error = failure;
    }
  }
}

int prepare(const KeeperPlan& plan, pid_t keeper) {
  if (!plan.shares_group) {
    if (const long result = system_call(SYS_setpgid, 0, 0); result != 0) return static_cast<int>(-result);
  }
  // In case condolock and the keeper die at once. A sandbox may refuse it (see abilities.hpp).
  system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (system_call(SYS_getppid) != keeper) system_call(SYS_exit_group, 128 + SIGKILL);
  if (plan.ignores_sigchld) {
    KernelAction action{};
    action.handler = SIG_IGN;
    system_call(SYS_rt_sigaction, SIGCHLD, address_of(&action), 0, kernel_mask_size);
  }
  return static_cast<int>(-system_call(SYS_rt_sigprocmask, SIG_SETMASK, address_of(&plan.mask), 0, kernel_mask_size));
}

struct CommandStart {
  const KeeperPlan* plan;
  pid_t keeper;
};

int become_command(void* argument) {
  const auto& start = *static_cast<const CommandStart*>(argument);
  int error = prepare(*start.plan, start.keeper);
  if (error == 0) execute(*start.plan, error);
  start.plan->shared->error = error;
  system_call(SYS_exit_group, 127);
  return 0;
}

// ---- the keeper

class Keeping {
 public:
  explicit Keeping(const KeeperPlan& plan) : plan_(plan), shared_(*plan.shared) {
    tree_.root = static_cast<pid_t>(system_call(SYS_getpid));
    tree_.session = plan.session;
  }

  int keep() {
    // The kernel reports condolock's death with CHLD, too: the keeper looks at everything after each CHLD.
    has_death_signal_ = system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGCHLD) == 0;
    tree_.adopts = system_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1) == 0;
    // Not condolock's name, so that `killall condolock` does not kill both.
    system_call(SYS_prctl, PR_SET_NAME, address_of("lease-keeper"));
    if (is_orphan()) return 0;
    start_command();
    leave_job();
    close_descriptors();
    tell();
    if (tree_.command <= 0) return 1;
    create_timer();
    while (!is_done()) sleep();
    system_call(SYS_wait4, tree_.command, 0, WNOHANG, 0);
    return 0;
  }

 private:
  bool is_orphan() const { return system_call(SYS_getppid) != plan_.condolock; }

  void tell() const {
    if (!is_orphan()) system_call(SYS_kill, plan_.condolock, SIGCHLD);
  }

  // glibc's clone() sets errno if it fails, but then the run fails in any case.
  void start_command() {
    CommandStart& start = start_;
    start = {&plan_, tree_.root};
    // Without a pipe that tells of the exec, the keeper waits for it.
    const int flags = (plan_.pipe < 0 ? CLONE_VFORK : 0) | SIGCHLD;
    long pid = 0;
    if (plan_.shares_memory) {
      pid = clone(become_command, plan_.command_stack, CLONE_VM | flags, &start);
      if (pid < 0) pid = -EAGAIN;
    } else {
      pid = system_call(SYS_clone, flags);
      if (pid == 0) become_command(&start);
    }
    // The command does the same itself, but it must be done before the keeper leaves condolock's group. Otherwise the child
    // may be the only process that connects condolock's group to the session. If the child then ended, the kernel would send
    // HUP to the group if a process in it is stopped (POSIX, orphaned process groups).
    if (pid > 0 && !plan_.shares_group) system_call(SYS_setpgid, pid, pid);
    if (pid < 0) shared_.error = static_cast<int>(-pid);
    tree_.command = static_cast<pid_t>(pid);
    if (!plan_.shares_group) tree_.group = tree_.command;
    shared_.command = tree_.command;
    shared_.start_known = plan_.pipe < 0 || pid < 0;
  }

  // A signal to condolock's job must not stop the keeper. Call this last, so that the command stays in the session.
  void leave_job() const {
    if (plan_.own_session) {
      system_call(SYS_setsid);
    } else {
      system_call(SYS_setpgid, 0, 0);
    }
  }

  // The keeper must not hold open what condolock closes: connections, and pipes of the caller.
  static void close_descriptors() {
#ifdef SYS_close_range
    if (system_call(SYS_close_range, 0, ~0U, 0) == 0) return;
#endif
    constexpr int most = 1024;
    for (int fd = 0; fd < most; ++fd) system_call(SYS_close, fd);
  }

  // A timer rather than a timeout: it runs while the machine is suspended, as a lease does.
  void create_timer() {
    struct sigevent event {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGCHLD;
    has_timer_ = system_call(SYS_timer_create, CLOCK_BOOTTIME, address_of(&event), address_of(&timer_)) == 0;
  }

  void sleep() {
    const std::int64_t next = next_look();
    if (has_timer_ && next != timer_at_) {
      timer_at_ = next;
      itimerspec at{};
      if (next != never) at.it_value = {next / second, next % second};
      system_call(SYS_timer_settime, timer_, TIMER_ABSTIME, address_of(&at), 0);
    }
    const std::uint64_t child = std::uint64_t{1} << static_cast<unsigned>(SIGCHLD - 1);
    const timespec tenth{0, 100 * millisecond};
    const bool is_told_of_all = has_timer_ && has_death_signal_;
    system_call(SYS_rt_sigtimedwait, address_of(&child), 0, is_told_of_all ? 0 : address_of(&tenth), kernel_mask_size);
  }

  std::int64_t next_look() const {
    if (shared_.over) return never;
    const std::int64_t next = std::min(warden_.look_at(), next_kill_at());
    return shared_.phase == running ? std::min(next, shared_.term_at.load()) : next;
  }

  std::int64_t next_kill_at() const {
    return shared_.phase == killed ? kill_again_at_ : std::min(shared_.kill_at.load(), orphan_kill_at_);
  }

  bool is_done() {
    if (shared_.let_go) return true;
    if (warden_.look() && shared_.error == 0) tell();
    if (shared_.error != 0) return true;
    const bool orphaned = is_orphan();
    if (const int signal = shared_.wanted.exchange(0); signal != 0) signal_tree(tree_, shared_.noted, signal, Reach::all);
    if (!shared_.over) end_where_due(orphaned, boot_time());
    return orphaned && (shared_.over || warden_.is_powerless());
  }

  void end_where_due(bool orphaned, std::int64_t now) {
    if (orphaned && orphan_kill_at_ == never) orphan_kill_at_ = now + grace_of_orphans;
    const bool is_due = now >= shared_.term_at;
    int before = running;
    if ((orphaned || is_due) && shared_.phase.compare_exchange_strong(before, told)) {
      (shared_.exited ? shared_.rest_expired : shared_.expired) = is_due;
      signal_tree(tree_, shared_.noted, plan_.stop_signal, Reach::all);
    }
    // condolock may have sent KILL. A process in an uninterruptible sleep ends later, so KILL is repeated.
    if (shared_.phase == killed && kill_again_at_ == never) kill_again_at_ = now + second;
    if (now < next_kill_at()) return;
    shared_.phase = killed;
    signal_tree(tree_, shared_.noted, SIGKILL, Reach::all);
    kill_again_at_ = now + second;
  }

  const KeeperPlan& plan_;
  Shared& shared_;
  CommandStart start_{};
  Tree tree_;
  Warden warden_{tree_, shared_};
  std::int64_t orphan_kill_at_ = never;
  std::int64_t kill_again_at_ = never;
  int timer_ = 0;
  bool has_timer_ = false;
  bool has_death_signal_ = false;
  std::int64_t timer_at_ = never;
};

}  // namespace

int keep(const KeeperPlan& plan) { return Keeping(plan).keep(); }

int keep_in_clone(void* plan) { return keep(*static_cast<const KeeperPlan*>(plan)); }

}  // namespace condolock::process
