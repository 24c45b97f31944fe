// One condolock process on a host: the real run state machine, driven as the real driver does.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "api/guard.hpp"
#include "run/run.hpp"
#include "sim/client.hpp"
#include "sim/onlooker.hpp"
#include "sim/run_tree.hpp"

namespace condolock::sim {

// Mutations of the client: see mutations.hpp.
struct ClientMutations {
  bool sent_after_reply = false;
  bool no_last_look = false;  // a command starts however old its lease is
  bool deaf_program = false;  // a program does not look at lost()
  TreeMutations tree;
};

class Process {
 public:
  Process(Agenda& agenda, Network& network, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker, Trace& trace,
          ClientMutations mutations);

  void begin();
  void signal(int number);
  // condolock does not run until `until`; with `host`, its command and keeper do not either.
  void freeze(Nanos until, bool host);
  // It ends at once; with `host`, so do its command and keeper, and the server does not notice.
  void kill(bool host);
  void kill_keeper() { tree_.kill_keeper(); }
  void stop_keeper() { tree_.stop_keeper(); }
  bool is_over() const { return over_; }
  bool has_begun() const { return begun_; }
  const RunSpec& spec() const { return spec_; }

 private:
  Instant now() const { return Instant(BootClock::duration(clock_.at(agenda_.now()))); }
  bool is_frozen() const { return agenda_.now() < frozen_until_; }
  // Something has happened for which poll() would return.
  void wake();
  void service();
  // How long it takes until the process runs when there is something to do.
  Nanos lag() { return lag_ == 0 ? 0 : dice_.between(0, lag_); }
  void set_alarm();

  std::optional<Instant> next_tick() const { return guard_ ? guard_->next_tick() : run_.next_tick(); }
  void feed(const run::Event& event);
  // The same for a context.
  void feed_guard(const run::Event& event);
  void take(api::Guard::Steps steps);
  void watch_lease();
  void perform(const run::action::Eval& eval, std::deque<run::Event>& events);
  void perform(const run::action::Cancel& cancel, std::deque<run::Event>& events);
  void perform(const run::action::Spawn& spawn, std::deque<run::Event>& events);
  void perform(const run::action::MoveDeadlines& move, std::deque<run::Event>& events);
  void perform(const run::action::Judge& judge, std::deque<run::Event>& events);
  void perform(const run::action::StopSelf& stop, std::deque<run::Event>& events);
  void perform(const run::action::LetGo& let_go, std::deque<run::Event>& events);
  void perform(const run::action::Stop& stop, std::deque<run::Event>& events);
  void perform(const run::action::Forward& forward, std::deque<run::Event>& events);
  void perform(const run::action::Notify& notify, std::deque<run::Event>& events);
  void perform(const run::action::Done& done, std::deque<run::Event>& events);

  void start_command(const run::action::Spawn& spawn, std::deque<run::Event>& events);

  Agenda& agenda_;
  const DriftingClock& clock_;
  Nanos lag_;
  Dice dice_;
  const RunSpec& spec_;
  Onlooker& onlooker_;
  Trace& trace_;
  ClientMutations mutations_;
  run::Run run_;
  std::optional<api::Guard> guard_;  // instead of run_, if it is a context in a program
  bool works_ = false;               // the program does the work
  std::uint64_t watch_ = 0;          // number of the valid look at the lease
  Client client_;

  bool begun_ = false;
  bool over_ = false;
  bool fed_ = false;
  Nanos frozen_until_ = 0;
  std::uint64_t alarm_ = 0;  // number of the valid alarm
  std::deque<int> signals_;

  RunTree tree_;
  std::optional<run::action::Spawn> held_up_;  // delayed by a message that blocks
  bool was_held_up_ = false;
};

}  // namespace condolock::sim
