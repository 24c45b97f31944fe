#include "sim/process.hpp"

#include <csignal>
#include <limits>

namespace condolock::sim {
namespace {

constexpr Nanos never = std::numeric_limits<Nanos>::max();

}  // namespace

Process::Process(Agenda& agenda, Network& network, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker,
                 Trace& trace, ClientMutations mutations)
    : agenda_(agenda),
      clock_(scenario.hosts[static_cast<std::size_t>(spec.host)]),
      lag_(scenario.lags[static_cast<std::size_t>(spec.host)]),
      dice_(scenario.seed, {4, static_cast<std::uint64_t>(spec.number)}),
      spec_(spec),
      onlooker_(onlooker),
      trace_(trace),
      mutations_(mutations),
      run_(spec.plan),
      client_(network, spec, [this] { wake(); }) {}

void Process::begin() {
  if (over_) return;
  begun_ = true;
  feed(run::event::Begin{});
  set_alarm();
}

void Process::signal(int number) {
  if (!begun_ || over_) return;
  signals_.push_back(number);
  wake();
}

void Process::freeze(Nanos until, bool command) {
  if (!begun_ || over_ || until <= frozen_until_) return;
  frozen_until_ = until;
  command_frozen_ = command;
  agenda_.at(until, [this] {
    if (!over_ && !is_frozen()) service();
  });
}

void Process::kill(bool host_too) {
  if (over_) return;
  over_ = true;
  client_.die(host_too);
  if (command_lives_) {
    command_lives_ = false;
    onlooker_.on_command_end(spec_);
  }
}

void Process::wake() {
  if (over_ || is_frozen()) return;  // the end of the frost wakes it
  // Not within whatever is happening at this moment, as a kernel doesn't.
  agenda_.in(lag(), [this] {
    if (!over_ && !is_frozen()) service();
  });
}

// The order of the real loop, and for its reasons: see run/loop.cpp.
void Process::service() {
  do {
    fed_ = false;
    if (command_code_) {
      const int code = *command_code_;
      command_code_.reset();
      feed(run::event::ChildExited{code});
      feed(run::event::TreeEmpty{});
    }
    const auto due = run_.next_tick();
    if (!over_ && due && now() >= *due) feed(run::event::Tick{});
    while (!over_ && !signals_.empty()) {
      const int number = signals_.front();
      signals_.pop_front();
      feed(run::event::Signalled{number, false});
    }
    if (over_) return;
    if (auto reply = client_.advance(fed_ ? short{0} : short{1}, now())) {
      if (mutations_.sent_after_reply) reply->sent = now();
      feed(run::event::Replied{*std::move(reply)});
    }
  } while (!over_ && (client_.has_arrivals() || command_code_ || !signals_.empty()));
  if (!over_) set_alarm();
}

void Process::set_alarm() {
  const std::uint64_t number = ++alarm_;
  if (over_) return;
  const auto next = util::earlier(client_.interest().wake, run_.next_tick());
  if (!next || *next == Instant::max()) return;
  agenda_.at(clock_.when(next->time_since_epoch().count()) + lag(), [this, number] {
    if (number == alarm_ && !over_ && !is_frozen()) service();
  });
}

void Process::feed(const run::Event& event) {
  fed_ = true;
  std::deque<run::Event> events{event};
  while (!events.empty() && !over_) {
    const auto actions = run_.on(events.front(), now());
    events.pop_front();
    for (const run::Action& action : actions) {
      if (!over_) std::visit([&](const auto& what) { perform(what, events); }, action);
    }
  }
}

void Process::perform(const run::action::Eval& eval, std::deque<run::Event>& /*events*/) { client_.start(eval.call, now()); }

void Process::perform(const run::action::Cancel& /*cancel*/, std::deque<run::Event>& /*events*/) { client_.cancel(); }

void Process::perform(const run::action::Spawn& spawn, std::deque<run::Event>& events) {
  bool called_off = false;
  while (!signals_.empty()) {
    called_off = called_off || run::Run::calls_off(signals_.front());
    events.emplace_back(run::event::Signalled{signals_.front(), false});
    signals_.pop_front();
  }
  if (called_off) return;
  if (spec_.command.cant_start) return void(events.emplace_back(run::event::SpawnFailed{127, "not found"}));
  command_lives_ = true;
  ends_at_ = never;
  trace_.line(agenda_.now(), 1, [&] { return "   r" + std::to_string(spec_.number) + " starts its command"; });
  onlooker_.on_command(spec_, spawn.grant.fence);
  events.emplace_back(run::event::Spawned{});
  events.emplace_back(run::event::Executed{1000 + spec_.number});
  end_command_in(spec_.command.takes, spec_.command.code);
}

void Process::perform(const run::action::Stop& stop, std::deque<run::Event>& /*events*/) {
  trace_.line(agenda_.now(), 2, [&] {
    return "   r" + std::to_string(spec_.number) + " sends " + (stop.signal == SIGKILL ? "KILL" : "TERM");
  });
  if (stop.signal == SIGKILL) return end_command_in(millisecond, 128 + SIGKILL);
  if (spec_.command.obeys) end_command_in(*spec_.command.obeys, 128 + stop.signal);
}

void Process::perform(const run::action::MoveDeadlines& /*move*/, std::deque<run::Event>& /*events*/) {}

void Process::perform(const run::action::StopSelf& /*stop*/, std::deque<run::Event>& /*events*/) {}

void Process::perform(const run::action::LetGo& /*let_go*/, std::deque<run::Event>& /*events*/) {}

void Process::perform(const run::action::Forward& forward, std::deque<run::Event>& /*events*/) {
  if (spec_.command.obeys) end_command_in(*spec_.command.obeys, 128 + forward.signal);
}

void Process::perform(const run::action::Notify& notify, std::deque<run::Event>& /*events*/) {
  onlooker_.on_report(spec_, notify.report);
}

void Process::perform(const run::action::Done& done, std::deque<run::Event>& /*events*/) {
  over_ = true;
  client_.die(false);
  trace_.line(agenda_.now(), static_cast<std::uint64_t>(done.exit_code),
              [&] { return "   r" + std::to_string(spec_.number) + " exits with " + std::to_string(done.exit_code); });
  onlooker_.on_exit(spec_, done.exit_code);
}

void Process::end_command_in(Nanos length, int code) {
  const Nanos at = agenda_.now() + length;
  if (at >= ends_at_) return;  // it ends sooner
  ends_at_ = at;
  const std::uint64_t number = ++ending_;
  agenda_.in(length, [this, number, code] {
    if (number == ending_) end_command(code);
  });
}

void Process::end_command(int code) {
  if (!command_lives_) return;
  // What stands still doesn't end; but KILL ends that too.
  if (is_frozen() && command_frozen_ && code != 128 + SIGKILL) {
    ends_at_ = never;
    return end_command_in(frozen_until_ - agenda_.now(), code);
  }
  command_lives_ = false;
  trace_.line(agenda_.now(), static_cast<std::uint64_t>(code),
              [&] { return "   the command of r" + std::to_string(spec_.number) + " ends with " + std::to_string(code); });
  onlooker_.on_command_end(spec_);
  command_code_ = code;
  wake();
}

}  // namespace condolock::sim
