#include "run/driver.hpp"

#include <poll.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <system_error>

#include "engine/ask.hpp"
#include "process/keeper.hpp"
#include "util/alarm.hpp"

namespace condolock::run {
namespace {

class Driver {
 public:
  Driver(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
         const Listener& listener)
      : run_(run), engine_(engine), signals_(signals), command_(command), listener_(listener) {}

  int drive() {
    try {
      return drive_to_end();
    } catch (...) {
      release();
      throw;
    }
  }

 private:
  int drive_to_end() {
    feed(event::Begin{});
    while (!exit_code_) {
      const short revents = wait();
      fed_ = false;
      // The order matters. The command's end comes first: no deadline applies after it, however late this loop wakes up.
      // A deadline may have passed while this process was stopped. It comes before the signals, so before a CONT is passed
      // on.
      look_at_processes();
      if (!exit_code_) tick();
      if (!exit_code_) collect_signals();
      if (exit_code_) break;
      // An event may have replaced the call and its connection. Then `revents` belongs to the old one.
      if (auto reply = engine_.advance(fed_ ? short{0} : revents, BootClock::now())) feed(event::Replied{*std::move(reply)});
    }
    if (keeper_) keeper_->wait();
    return *exit_code_;
  }

  // After an exception, the run cannot go on. Without a command, the lease that the engine may hold must not block other
  // runs. With one, the lease is left to expire, since it covers the time that the keeper needs to end the run.
  void release() noexcept {
    if (keeper_) return;
    try {
      engine_.cancel();
      static_cast<void>(engine::ask(engine_, run_.call_to_abandon(), Millis(1000)));
    } catch (...) {  // the first exception is the one to report; the lease expires
    }
  }

  short wait() {
    const engine::Interest interest = engine_.interest();
    auto next = util::earlier(interest.wake, run_.next_tick());
    if (keeper_) next = util::earlier(next, keeper_->look_at());
    alarm_.set(next);
    std::array<pollfd, 4> fds{{{signals_.fd(), POLLIN, 0},
                               {alarm_.fd(), POLLIN, 0},
                               {keeper_ ? keeper_->fd() : -1, POLLIN, 0},
                               {interest.fd, interest.events, 0}}};
    if (poll(fds.data(), fds.size(), look_again_ ? 0 : -1) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    return fds[3].revents;
  }

  void tick() {
    const auto due = run_.next_tick();
    if (due && BootClock::now() >= *due) feed(event::Tick{});
  }

  void collect_signals() {
    if (keeper_ && keeper_->is_starting()) return;  // the command will exist in a moment, and then they are passed on
    bool continued = false;
    while (const auto signal = next_signal()) {
      continued = continued || signal->number == SIGCONT;
      feed(event::Signalled{signal->number, keeper_ && keeper_->has_got(*signal)});
      if (exit_code_) return;
    }
    // After a CONT, the stop that was seen is out of date.
    if (keeper_ && keeper_->has_stopped_job() && !continued) feed(event::ChildStopped{});
  }

  // SIGCHLD only wakes the poll. Once it is off the queue, the next poll must not block, so that look_at_processes() runs
  // soon.
  std::optional<process::Received> next_signal() {
    auto signal = signals_.next();
    while (signal && signal->number == SIGCHLD) {
      look_again_ = true;
      signal = signals_.next();
    }
    return signal;
  }

  void look_at_processes() {
    look_again_ = false;
    if (is_first_process_ && (!keeper_ || keeper_->keeper_pid() > 0)) {
      process::reap_others(keeper_ ? keeper_->keeper_pid() : 0);
    }
    if (!keeper_) return;
    for (const process::News& each : keeper_->look()) {
      if (exit_code_) return;
      std::visit([this](const auto& what) { feed(event_of(what)); }, each);
    }
  }

  static Event event_of(const process::news::Started& started) { return event::Executed{started.pid}; }
  static Event event_of(const process::news::NotStarted& failed) {
    return event::SpawnFailed{failed.error.exit_code, failed.error.why};
  }
  static Event event_of(const process::news::Expired& /*expired*/) { return event::Expired{}; }
  static Event event_of(const process::news::Exited& exited) { return event::ChildExited{exited.code}; }
  static Event event_of(const process::news::Over& /*over*/) { return event::TreeEmpty{}; }
  static Event event_of(const process::news::Gone& /*gone*/) { return event::KeeperGone{}; }
  static Event event_of(const process::news::Denied& denied) { return event::NotPermitted{denied.pid}; }

  void feed(const Event& event) {
    fed_ = true;
    std::deque<Event> events{event};
    while (!events.empty() && !exit_code_) {
      const auto actions = run_.on(events.front(), BootClock::now());
      events.pop_front();
      for (const Action& action : actions) {
        std::visit([&](const auto& what) { perform(what, events); }, action);
      }
    }
  }

  void perform(const action::Eval& eval, std::deque<Event>& /*events*/) { engine_.start(eval.call, BootClock::now()); }
  void perform(const action::Cancel& /*cancel*/, std::deque<Event>& /*events*/) { engine_.cancel(); }
  void perform(const action::Notify& notify, std::deque<Event>& /*events*/) { listener_(notify.report); }
  void perform(const action::Done& done, std::deque<Event>& /*events*/) { exit_code_ = done.exit_code; }
  void perform(const action::MoveDeadlines& move, std::deque<Event>& /*events*/) {
    if (keeper_) keeper_->move_deadlines({move.deadlines.term_at, move.deadlines.kill_at});
  }
  void perform(const action::Stop& stop, std::deque<Event>& /*events*/) {
    if (keeper_) keeper_->stop(stop.signal, stop.group_has_it ? process::Reach::not_its_group : process::Reach::all);
  }
  void perform(const action::Judge& /*judge*/, std::deque<Event>& events) { events.emplace_back(event::Judged{}); }
  void perform(const action::StopSelf& /*stop*/, std::deque<Event>& /*events*/) { kill(getpid(), SIGSTOP); }
  void perform(const action::LetGo& /*let_go*/, std::deque<Event>& /*events*/) {
    if (keeper_) keeper_->let_go();
  }
  void perform(const action::Forward& forward, std::deque<Event>& /*events*/) {
    if (keeper_) keeper_->forward(forward.signal);
  }
  void perform(const action::Spawn& spawn, std::deque<Event>& events) {
    // The command does not exist yet, so these signals reached only this process.
    bool called_off = false;
    while (const auto signal = next_signal()) {
      events.emplace_back(event::Signalled{signal->number, false});
      called_off = called_off || Run::calls_off(signal->number);
    }
    if (called_off) return;
    const process::Command command{command_.argv, command_.environment(spawn.grant), command_.stop_signal};
    if (run_.is_late(BootClock::now())) return void(events.emplace_back(event::Late{}));
    auto started = process::Keeper::start(command, signals_.caller(), {spawn.deadlines.term_at, spawn.deadlines.kill_at});
    if (const auto* error = std::get_if<process::SpawnError>(&started)) {
      events.emplace_back(event::SpawnFailed{error->exit_code, error->why});
    } else {
      keeper_.emplace(std::get<process::Keeper>(std::move(started)));
      events.emplace_back(event::Spawned{});
    }
  }

  Run& run_;
  engine::Engine& engine_;
  process::Signals& signals_;
  const GuardedCommand& command_;
  const Listener& listener_;
  util::Alarm alarm_;
  std::optional<process::Keeper> keeper_;
  std::optional<int> exit_code_;
  bool fed_ = false;
  bool look_again_ = false;
  const bool is_first_process_ = getpid() == 1;
};

}  // namespace

int drive(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
          const Listener& listener) {
  return Driver(run, engine, signals, command, listener).drive();
}

}  // namespace condolock::run
