#include "run/driver.hpp"

#include <poll.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <system_error>

#include "process/child.hpp"

namespace condolock::run {
namespace {

// Wakes the poll at an Instant. The timeout of poll() stops while the machine is suspended, but a lease does not.
class Alarm {
 public:
  Alarm() : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "timerfd");
  }

  int fd() const { return fd_.get(); }

  void set(std::optional<Instant> at) {
    if (at == set_) return;
    set_ = at;
    itimerspec spec{};  // all zero disarms the timer
    if (at) {
      const auto since_boot = std::max(at->time_since_epoch(), BootClock::duration(1));
      spec.it_value.tv_sec = since_boot / std::chrono::seconds(1);
      spec.it_value.tv_nsec = (since_boot % std::chrono::seconds(1)).count();
    }
    timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

 private:
  util::Fd fd_;
  std::optional<Instant> set_;
};

class Driver {
 public:
  Driver(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
         const Listener& listener)
      : run_(run), engine_(engine), signals_(signals), command_(command), listener_(listener) {}

  int drive() {
    feed(event::Begin{});
    while (!exit_code_) {
      const short revents = wait();
      fed_ = false;
      // The order matters. The command's end comes first: no deadline applies after it, however late this loop wakes up.
      // A deadline may have passed while this process was stopped. It comes before the signals, so before a CONT is passed
      // on.
      reap();
      tick();
      collect_signals();
      if (exit_code_) break;
      // An event may have replaced the call and its connection. Then `revents` belongs to the old one.
      if (auto reply = engine_.advance(fed_ ? short{0} : revents, BootClock::now())) feed(event::Replied{*std::move(reply)});
    }
    return *exit_code_;
  }

 private:
  short wait() {
    const engine::Interest interest = engine_.interest();
    alarm_.set(util::earlier(interest.wake, run_.next_tick()));
    std::array<pollfd, 3> fds{{{signals_.fd(), POLLIN, 0}, {alarm_.fd(), POLLIN, 0}, {interest.fd, interest.events, 0}}};
    if (poll(fds.data(), fds.size(), look_again_ ? 0 : -1) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    return fds[2].revents;
  }

  void tick() {
    const auto due = run_.next_tick();
    if (due && BootClock::now() >= *due) feed(event::Tick{});
  }

  void collect_signals() {
    while (const auto signal = next_signal()) feed(event::Signalled{signal->number, child_ && child_->has_got(*signal)});
  }

  // SIGCHLD only wakes the poll. Once it is off the queue, the next poll must not block, so that reap() runs soon.
  std::optional<process::Received> next_signal() {
    auto signal = signals_.next();
    while (signal && signal->number == SIGCHLD) {
      look_again_ = true;
      signal = signals_.next();
    }
    return signal;
  }

  void reap() {
    look_again_ = false;
    if (exit_code_ || !child_) return;
    if (const auto code = child_->reap(run_.is_stopping())) {
      child_.reset();
      feed(event::ChildExited{*code});
    }
  }

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
  void perform(const action::Stop& stop, std::deque<Event>& /*events*/) {
    if (child_) child_->stop(stop.signal);
  }
  void perform(const action::Forward& forward, std::deque<Event>& /*events*/) {
    if (child_) child_->forward(forward.signal);
  }
  void perform(const action::Spawn& spawn, std::deque<Event>& events) {
    // The command does not exist yet, so these signals reached only this process.
    bool called_off = false;
    while (const auto signal = next_signal()) {
      events.emplace_back(event::Signalled{signal->number, false});
      called_off = called_off || Run::calls_off(signal->number);
    }
    if (called_off) return;
    auto started = process::Child::spawn({command_.argv, command_.environment(spawn.grant)}, signals_.caller());
    if (const auto* error = std::get_if<process::SpawnError>(&started)) {
      events.emplace_back(event::SpawnFailed{error->exit_code, error->why});
    } else {
      child_ = std::get<process::Child>(started);
      events.emplace_back(event::Spawned{child_->pid()});
      // These signals may have come before the command existed. Passing one on twice is better than never.
      while (const auto signal = next_signal()) events.emplace_back(event::Signalled{signal->number, false});
    }
  }

  Run& run_;
  engine::Engine& engine_;
  process::Signals& signals_;
  const GuardedCommand& command_;
  const Listener& listener_;
  Alarm alarm_;
  std::optional<process::Child> child_;
  std::optional<int> exit_code_;
  bool fed_ = false;
  bool look_again_ = false;
};

}  // namespace

int drive(Run& run, engine::Engine& engine, process::Signals& signals, const GuardedCommand& command,
          const Listener& listener) {
  return Driver(run, engine, signals, command, listener).drive();
}

}  // namespace condolock::run
