// Starts the keeper.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

#include "process/keeper_state.hpp"
#include "process/system_call.hpp"

namespace condolock::process {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t shared_size = 2 * page;
constexpr std::size_t stack_size = 16 * page;
static_assert(sizeof(Shared) <= shared_size);

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(text.c_str());
  out.push_back(nullptr);
  return out;
}

bool has_controlling_terminal() {
  if (util::Fd(open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY))) return true;
  if (errno == ENXIO) return false;
  // There is no free descriptor, or no /dev: a terminal among the standard descriptors shows the same.
  for (int fd = 0; fd <= 2; ++fd) {
    if (tcgetsid(fd) == getsid(0)) return true;
  }
  return false;
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> out(1024);
  out.resize(children_of_self(out.data(), out.size()));
  return out;
}

}  // namespace

void Keeper::State::prepare(const Command& what, const CallerSignals& caller) {
  command = what;
  paths = paths_of(command.argv[0]);
  path_pointers = pointers(paths);
  arguments = pointers(command.argv);
  shell_arguments = arguments;
  shell_arguments[0] = "/bin/sh";
  shell_arguments.insert(shell_arguments.begin() + 1, nullptr);
  environment = pointers(command.environment);
  plan.paths = path_pointers.data();
  plan.arguments = const_cast<char* const*>(arguments.data());
  plan.shell_arguments = shell_arguments.data();
  plan.environment = const_cast<char* const*>(environment.data());
  plan.mask = caller.mask;
  plan.stop_signal = command.stop_signal;
  plan.ignores_sigchld = caller.ignored_sigchld;
  plan.shares_group = has_controlling_terminal();
  // If no parent of condolock is in the session, the keeper must leave the session, too. As the parent of our job, it would
  // allow the terminal to stop the job, and nobody could continue it.
  plan.own_session = plan.shares_group && getsid(getppid()) != getsid(0);
  plan.condolock = getpid();
  plan.session = getsid(0);
}

// Returns errno.
int Keeper::State::create(By by, const Deadlines& deadlines) {
  void* room = mmap(nullptr, shared_size + 2 * stack_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return errno;
  shared = new (room) Shared;
  plan.shared = shared;
  set(*shared, deadlines);
  char* stacks = static_cast<char*>(room) + shared_size;
  plan.command_stack = stacks + 2 * stack_size;
  util::Fd writer;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {  // if there is no descriptor left, it works without the pipe
    pipe = util::Fd(ends[0]);
    writer = util::Fd(ends[1]);
    plan.pipe = ends[1];
  }
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);  // no signal may stop or end either process before it is ready
  plan.shares_memory = shares_memory_safely && by == By::clone;
  if (plan.shares_memory) {
    keeper = clone(keep_in_clone, stacks + stack_size, CLONE_VM | SIGCHLD, &plan);
    plan.shares_memory = keeper >= 0;  // valgrind, for example, refuses it
  }
  if (!plan.shares_memory) {
    keeper = fork();
    if (keeper == 0) _exit(keep(plan));
  }
  const int error = keeper < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return error;
}

Keeper::Keeper(std::unique_ptr<State> state) : state_(state.release()) {}

// Does nothing while the keeper lives: the keeper works on this memory.
void Keeper::Free::operator()(State* state) const {
  if (state->keeper > 0) return;
  if (state->shared != nullptr) munmap(state->shared, shared_size + 2 * stack_size);
  delete state;  // NOLINT(cppcoreguidelines-owning-memory)
}

std::variant<Keeper, SpawnError> Keeper::start(const Command& command, const CallerSignals& caller,
                                               const Deadlines& deadlines, By by) {
  auto state = std::make_unique<State>();
  state->prepare(command, caller);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  siginfo_t info{};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) state->others = own_children();
  if (const int error = state->create(by, deadlines); error != 0) {
    state->keeper = 0;
    return SpawnError{error, 126, std::strerror(error)};
  }
  return Keeper(std::move(state));
}

}  // namespace condolock::process
