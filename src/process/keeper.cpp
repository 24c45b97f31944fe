#include "process/keeper.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "process/keeper_state.hpp"
#include "util/signal.hpp"

namespace condolock::process {
namespace {

// Whether our parent is a shell in the same session: it sees our job stop, and can continue it.
bool is_under_shell() { return getsid(getppid()) == getsid(0) && getpgid(getppid()) != getpgrp(); }

}  // namespace

int Keeper::fd() const { return state_->pipe.get(); }

std::vector<News> Keeper::look() {
  std::vector<News> out;
  look_at_start(out);
  if (state_->keeper > 0) look_at_keeper(out);
  if (state_->warden) state_->warden->look();
  if (!state_->start_told || state_->is_let_go) return out;
  Shared& shared = *state_->shared;
  // The keeper writes these in the opposite order.
  const bool over = shared.over;
  const bool exited = shared.exited;
  const auto once = [&out](bool is_so, bool& told, const News& what) {
    if (is_so && !std::exchange(told, true)) out.push_back(what);
  };
  once(shared.expired, state_->expired_told, news::Expired{});
  once(exited, state_->exited_told, news::Exited{shared.code});
  once(shared.rest_expired, state_->rest_expired_told, news::Expired{});
  once(over && exited, state_->over_told, news::Over{});
  const pid_t denied = shared.noted.denied;
  if (denied != std::exchange(state_->denied_told, denied)) out.emplace_back(news::Denied{denied});
  return out;
}

void Keeper::look_at_start(std::vector<News>& out) {
  if (state_->start_told) return;
  const Shared& shared = *state_->shared;
  char none = 0;
  // The keeper ends as soon as it knows that the command could not be executed. The process that tried to execute it may
  // still be alive for a moment, and keep the pipe open.
  const bool has_failed = state_->keeper == 0 && shared.error != 0;
  const bool is_open = state_->pipe ? read(state_->pipe.get(), &none, 1) != 0 : !shared.start_known;
  if (is_open && !has_failed) return;
  state_->pipe.reset();
  state_->start_told = true;
  if (shared.error == 0 && shared.command > 0) {
    out.emplace_back(news::Started{shared.command});
    return;
  }
  // If the keeper was killed before it could start anything, there is no errno: report ESRCH.
  out.emplace_back(news::NotStarted{spawn_error(shared.error == 0 ? ESRCH : shared.error.load(), state_->command)});
  let_go();
  wait();
}

void Keeper::look_at_keeper(std::vector<News>& out) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(state_->keeper), &info, WEXITED | WSTOPPED | WNOHANG) == 0 && info.si_pid != 0) {
    if (info.si_code == CLD_STOPPED) {
      kill(state_->keeper, SIGCONT);  // only the keeper can reap the command
    } else {
      state_->keeper = 0;
      // The keeper also ends if the command could not be executed, perhaps after look() looked at the start.
      look_at_start(out);
      if (!state_->is_let_go) take_over();
    }
    if (!state_->is_let_go && !std::exchange(state_->gone_told, true)) out.emplace_back(news::Gone{});
    if (state_->keeper == 0) return;
    info = {};
  }
}

// The kernel has killed the command. Its orphans are now children of this process.
void Keeper::take_over() {
  Shared& shared = *state_->shared;
  // Nobody could note which of the orphans had left the run.
  if (shared.phase == running) shared.noted.every = true;
  state_->own_tree = tree();
  state_->own_tree.root = getpid();
  state_->own_tree.spared = state_->others.data();
  state_->own_tree.spared_count = static_cast<int>(state_->others.size());
  state_->warden.emplace(state_->own_tree, shared);
}

Tree Keeper::tree() const {
  if (state_->warden) return state_->own_tree;
  Tree tree;
  tree.root = state_->keeper;
  tree.command = state_->shared->command;
  tree.group = shares_group() ? 0 : tree.command;
  tree.session = state_->plan.session;
  return tree;
}

std::optional<Instant> Keeper::look_at() const {
  if (!state_->warden || state_->warden->look_at() == never) return std::nullopt;
  return Instant(BootClock::duration(state_->warden->look_at()));
}

void Keeper::move_deadlines(const Deadlines& deadlines) {
  const bool sooner =
      nanoseconds(deadlines.kill_at) < state_->shared->kill_at || nanoseconds(deadlines.term_at) < state_->shared->term_at;
  set(*state_->shared, deadlines);
  if (sooner && state_->keeper > 0) kill(state_->keeper, SIGCHLD);  // wakes the keeper, which sleeps until the old deadlines
}

void Keeper::stop(int signal, Reach reach) {
  Shared& shared = *state_->shared;
  if (state_->is_let_go || shared.command <= 0) return;
  int before = running;
  if (signal == SIGKILL) {
    shared.phase = killed;
  } else if (!shared.phase.compare_exchange_strong(before, told)) {
    return;
  }
  const bool seen = signal_tree(tree(), shared.noted, signal, reach);
  if (!seen) shared.wanted = signal;  // the keeper has its own descriptors, so it may be able to read /proc
  if (state_->keeper > 0 && (!seen || signal == SIGKILL)) kill(state_->keeper, SIGCHLD);
}

void Keeper::forward(int signal) {
  const Shared& shared = *state_->shared;
  if (state_->is_let_go || shared.command <= 0 || shared.exited) return;
  if (util::asks_to_end(signal)) note_sessions(tree(), state_->shared->noted);
  const pid_t target = shares_group() ? pid() : -pid();
  kill(target, signal);
  if (util::asks_to_end(signal) && (!shares_group() || is_stopped(pid()))) kill(target, SIGCONT);
}

bool Keeper::has_got(const Received& signal) const {
  if (!shares_group()) return false;
  if (signal.number == SIGCONT) return getsid(0) != getpid();  // the kernel continues a session's leader alone
  return signal.to_group;
}

bool Keeper::has_stopped_job() {
  Shared& shared = *state_->shared;
  if (!shared.stopped || !shared.stopped.exchange(false)) return false;
  return shares_group() && !shared.exited && is_under_shell() && is_stopped(pid());
}

void Keeper::let_go() {
  if (std::exchange(state_->is_let_go, true)) return;
  state_->shared->let_go = true;
  if (state_->keeper > 0) kill(state_->keeper, SIGCHLD);
  if (state_->warden) waitpid(state_->shared->command, nullptr, WNOHANG);
}

void Keeper::wait() {
  const Instant until = BootClock::now() + Millis(100);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (state_->keeper > 0) {
    if (waitpid(state_->keeper, nullptr, WNOHANG) != 0) {
      state_->keeper = 0;
      return;
    }
    const auto left = until - BootClock::now();
    if (left <= Instant::duration(0)) return;
    const timespec time{0, left.count()};
    sigtimedwait(&child, nullptr, &time);
  }
}

pid_t Keeper::pid() const { return state_->shared->command; }

pid_t Keeper::keeper_pid() const { return state_->keeper; }

bool Keeper::shares_group() const { return state_->plan.shares_group; }

bool Keeper::is_starting() const { return !state_->start_told && pid() <= 0; }

void reap_others(pid_t spared) {
  siginfo_t info{};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 && info.si_pid != spared) {
    waitpid(info.si_pid, nullptr, WNOHANG);
    info = {};
  }
}

}  // namespace condolock::process
