#include "sim/run_tree.hpp"

#include <algorithm>
#include <csignal>
#include <limits>
#include <utility>

namespace condolock::sim {
namespace {

constexpr Nanos never = std::numeric_limits<Nanos>::max();
// Time that the keeper allows from TERM to KILL: see process/keeper_process.cpp.
constexpr Millis grace_of_orphans{500};

}  // namespace

RunTree::RunTree(Agenda& agenda, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker, Trace& trace,
                 TreeMutations mutations, std::function<void()> wake)
    : agenda_(agenda),
      clock_(scenario.hosts[static_cast<std::size_t>(spec.host)]),
      lag_(scenario.lags[static_cast<std::size_t>(spec.host)]),
      dice_(scenario.seed, {5, static_cast<std::uint64_t>(spec.number)}),
      spec_(spec),
      onlooker_(onlooker),
      trace_(trace),
      mutations_(mutations),
      wake_(std::move(wake)) {}

void RunTree::start(const run::action::Spawn& spawn) {
  keeper_lives_ = !spec_.in_program;
  deadlines_ = spawn.deadlines;
  is_seen_ = true;
  trace_.line(agenda_.now(), 1, [&] { return "   r" + std::to_string(spec_.number) + " starts its command"; });
  onlooker_.on_command(spec_, spawn.grant.fence);
  command_ = {true, never, command_.ending};
  end_in(command_, spec_.command.takes, spec_.command.code);
  if (spec_.command.leaves > 0) {
    rest_ = {true, never, rest_.ending};
    end_in(rest_, spec_.command.takes + spec_.command.leaves, 0);
  }
  set_alarm();
}

void RunTree::move(const run::Deadlines& deadlines) {
  if (mutations_.deadline_not_moved) return;
  deadlines_ = deadlines;
  set_alarm();
}

void RunTree::stop(int signal) {
  trace_.line(agenda_.now(), 2,
              [&] { return "   r" + std::to_string(spec_.number) + " sends " + (signal == SIGKILL ? "KILL" : "TERM"); });
  if (signal == SIGKILL) {
    phase_ = Phase::killed;
  } else if (std::exchange(phase_, Phase::told) != Phase::running) {
    return;
  }
  send(signal);
}

void RunTree::forward(int signal) {
  if (command_.lives && spec_.command.obeys) end_in(command_, *spec_.command.obeys, 128 + signal);
}

// With --leftovers leave, processes that a success has left no longer belong to the run.
void RunTree::let_go() {
  is_let_go_ = true;
  news_.clear();
  const bool may_live = spec_.plan.leftovers == run::Leftovers::leave && code_ == 0 && !command_.lives;
  if (may_live && std::exchange(is_seen_, false)) onlooker_.on_command_end(spec_);
}

void RunTree::freeze(Nanos until) { frozen_until_ = std::max(frozen_until_, until); }

void RunTree::on_condolock_killed() {
  news_.clear();
  if (!keeper_lives_ || is_let_go_) return;
  agenda_.in(lag(), [this] {
    deadlines_.term_at = std::min(deadlines_.term_at, now());
    deadlines_.kill_at = std::min(deadlines_.kill_at, now() + grace_of_orphans);
    look_at_time();
  });
}

void RunTree::on_crash() {
  keeper_lives_ = false;
  command_.lives = false;
  rest_.lives = false;
  news_.clear();
  if (std::exchange(is_seen_, false)) onlooker_.on_command_end(spec_);
}

// The kernel kills the command with the keeper, and condolock gets the orphans.
void RunTree::kill_keeper() {
  if (!keeper_lives_ || is_let_go_) return;
  keeper_lives_ = false;
  tell(run::event::KeeperGone{});
  if (command_.lives) end(command_, 128 + SIGKILL);
}

void RunTree::stop_keeper() {
  if (keeper_lives_ && !is_let_go_) tell(run::event::KeeperGone{});
}

std::vector<run::Event> RunTree::look() { return std::exchange(news_, {}); }

void RunTree::set_alarm() {
  const std::uint64_t number = ++alarm_;
  const Instant next = phase_ == Phase::running ? std::min(deadlines_.term_at, deadlines_.kill_at) : deadlines_.kill_at;
  if (!keeper_lives_ || is_let_go_ || mutations_.no_keeper || next == Instant::max()) return;
  agenda_.at(clock_.when(next.time_since_epoch().count()) + lag(), [this, number] {
    if (number == alarm_) look_at_time();
  });
}

// The keeper looks at its clock.
void RunTree::look_at_time() {
  if (!keeper_lives_ || is_let_go_ || mutations_.no_keeper || phase_ == Phase::killed) return;
  if (is_frozen()) return agenda_.at(frozen_until_, [this] { look_at_time(); });
  if (phase_ == Phase::running && now() >= deadlines_.term_at) {
    phase_ = Phase::told;
    if (command_.lives) tell(run::event::Expired{});
    send(SIGTERM);
  }
  if (now() >= deadlines_.kill_at) {
    phase_ = Phase::killed;
    send(SIGKILL);
  }
  set_alarm();
}

void RunTree::send(int signal) {
  const auto answer = [signal](const std::optional<Nanos>& obeys) {
    return signal == SIGKILL ? std::optional<Nanos>(millisecond) : obeys;
  };
  if (const auto length = answer(spec_.command.obeys); length && command_.lives) end_in(command_, *length, 128 + signal);
  if (mutations_.no_tree) return;
  if (const auto length = answer(spec_.command.rest_obeys); length && rest_.lives) end_in(rest_, *length, 128 + signal);
}

void RunTree::end_in(Part& part, Nanos length, int code) {
  const Nanos at = agenda_.now() + length;
  if (at >= part.ends_at) return;  // it ends before that
  part.ends_at = at;
  const std::uint64_t number = ++part.ending;
  agenda_.in(length, [this, &part, number, code] {
    if (number == part.ending && part.lives) end(part, code);
  });
}

void RunTree::end(Part& part, int code) {
  // A frozen process does not end, except by KILL.
  if (is_frozen() && code != 128 + SIGKILL) {
    part.ends_at = never;
    return end_in(part, frozen_until_ - agenda_.now(), code);
  }
  part.lives = false;
  const bool is_command = &part == &command_;
  trace_.line(agenda_.now(), static_cast<std::uint64_t>(code), [&] {
    return "   " + std::string(is_command ? "the command" : "the rest") + " of r" + std::to_string(spec_.number) +
           " ends with " + std::to_string(code);
  });
  if (!command_.lives && !rest_.lives && std::exchange(is_seen_, false)) onlooker_.on_command_end(spec_);
  if (is_let_go_) return;
  if (is_command) tell(run::event::ChildExited{code_ = code});
  const bool is_over = is_command ? !rest_.lives || mutations_.no_wait_for_rest : !command_.lives;
  if (is_over) tell(run::event::TreeEmpty{});
}

void RunTree::tell(run::Event event) {
  news_.push_back(std::move(event));
  wake_();
}

}  // namespace condolock::sim
