#include "sim/process.hpp"

#include <csignal>
#include <utility>

namespace condolock::sim {

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
      client_(network, spec, [this] { wake(); }),
      tree_(agenda, scenario, spec, onlooker, trace, mutations.tree, [this] { wake(); }) {
  if (spec.in_program) {
    guard_.emplace(spec.plan, [this](const run::Report& report) { onlooker_.on_report(spec_, report); });
  }
}

void Process::begin() {
  if (over_) return;
  begun_ = true;
  feed(run::event::Begin{});
  set_alarm();
}

void Process::signal(int number) {
  if (!begun_ || over_) return;
  if (guard_) return kill(false);  // it has no handler
  signals_.push_back(number);
  wake();
}

void Process::freeze(Nanos until, bool host) {
  if (!begun_) return;
  if (host || guard_) tree_.freeze(until);
  if (over_ || until <= frozen_until_) return;
  frozen_until_ = until;
  agenda_.at(until, [this] {
    if (!over_ && !is_frozen()) service();
  });
}

void Process::kill(bool host) {
  if (host || guard_) tree_.on_crash();
  if (over_) return;
  over_ = true;
  client_.die(host);
  if (!host) tree_.on_condolock_killed();
}

void Process::wake() {
  if (over_ || is_frozen()) return;  // the end of the freeze wakes it
  // Not during the current event: a kernel would not either.
  agenda_.in(lag(), [this] {
    if (!over_ && !is_frozen()) service();
  });
}

// The order of the real loop, for the same reasons: see run/driver.cpp.
void Process::service() {
  do {
    fed_ = false;
    if (held_up_) {
      std::deque<run::Event> events;
      start_command(*std::exchange(held_up_, std::nullopt), events);
      for (const run::Event& event : events) {
        if (!over_) feed(event);
      }
    }
    for (const run::Event& event : tree_.look()) {
      if (!over_) feed(event);
    }
    if (over_) return;
    const auto due = next_tick();
    if (due && now() >= *due) feed(run::event::Tick{});
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
  } while (!over_ && !is_frozen() && (client_.has_arrivals() || tree_.has_news() || !signals_.empty()));
  if (!over_) set_alarm();
}

void Process::set_alarm() {
  const std::uint64_t number = ++alarm_;
  if (over_) return;
  const auto next = util::earlier(client_.interest().wake, next_tick());
  if (!next || *next == Instant::max()) return;
  agenda_.at(clock_.when(next->time_since_epoch().count()) + lag(), [this, number] {
    if (number == alarm_ && !over_ && !is_frozen()) service();
  });
}

void Process::feed_guard(const run::Event& event) {
  if (std::holds_alternative<run::event::Begin>(event)) take(guard_->begin(now()));
  if (const auto* replied = std::get_if<run::event::Replied>(&event)) take(guard_->on_reply(replied->reply, now()));
  if (std::holds_alternative<run::event::Tick>(event)) take(guard_->tick(now()));
  if (const auto* exited = std::get_if<run::event::ChildExited>(&event)) take(guard_->finish(exited->code, now()));
  if (guard_->is_granted() && !std::exchange(works_, true)) {
    tree_.start({guard_->grant(), {guard_->lost_at(), Instant::max()}});
  }
  if (guard_->is_granted()) watch_lease();
  std::deque<run::Event> none;
  if (guard_->is_over() && !over_) perform(run::action::Done{guard_->exit_code()}, none);
}

void Process::take(api::Guard::Steps steps) {
  for (api::Guard::Step& step : steps) {
    if (auto* eval = std::get_if<run::action::Eval>(&step)) client_.start(std::move(eval->call), now());
    if (std::holds_alternative<run::action::Cancel>(step)) client_.cancel();
  }
}

// The work looks at lost(), which goes by the clock, whether the context's thread runs or not.
void Process::watch_lease() {
  const std::uint64_t number = ++watch_;
  const Nanos at =
      guard_->lost_because().empty() ? clock_.when(guard_->lost_at().time_since_epoch().count()) : agenda_.now();
  agenda_.at(std::max(at, agenda_.now()) + lag(), [this, number] {
    if (number != watch_ || over_ || !guard_->is_granted()) return;
    if (is_frozen()) return agenda_.at(frozen_until_, [this] { watch_lease(); });
    if (!mutations_.deaf_program) tree_.lose();
    take(guard_->lose(now()));
    set_alarm();
  });
}

void Process::feed(const run::Event& event) {
  fed_ = true;
  if (guard_) return feed_guard(event);
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
  if (spec_.command.held_up == 0 || std::exchange(was_held_up_, true)) return start_command(spawn, events);
  held_up_ = spawn;
  freeze(agenda_.now() + spec_.command.held_up, false);
}

void Process::start_command(const run::action::Spawn& spawn, std::deque<run::Event>& events) {
  bool called_off = false;
  while (!signals_.empty()) {
    called_off = called_off || run::Run::calls_off(signals_.front());
    events.emplace_back(run::event::Signalled{signals_.front(), false});
    signals_.pop_front();
  }
  if (called_off) return;
  if (run_.is_late(now()) && !mutations_.no_last_look) return void(events.emplace_back(run::event::Late{}));
  if (spec_.command.cant_start) return void(events.emplace_back(run::event::SpawnFailed{127, "not found"}));
  tree_.start(spawn);
  events.emplace_back(run::event::Spawned{});
  events.emplace_back(run::event::Executed{1000 + spec_.number});
}

void Process::perform(const run::action::Stop& stop, std::deque<run::Event>& /*events*/) { tree_.stop(stop.signal); }

void Process::perform(const run::action::MoveDeadlines& move, std::deque<run::Event>& /*events*/) {
  tree_.move(move.deadlines);
}

// The simulation has no job control.
// A command line has no predicates, and neither have the programs here.
void Process::perform(const run::action::Judge& /*judge*/, std::deque<run::Event>& events) {
  events.emplace_back(run::event::Judged{});
}

void Process::perform(const run::action::StopSelf& /*stop*/, std::deque<run::Event>& /*events*/) {}

void Process::perform(const run::action::LetGo& /*let_go*/, std::deque<run::Event>& /*events*/) { tree_.let_go(); }

void Process::perform(const run::action::Forward& forward, std::deque<run::Event>& /*events*/) {
  tree_.forward(forward.signal);
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

}  // namespace condolock::sim
