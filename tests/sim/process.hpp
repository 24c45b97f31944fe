// One condolock process on a host: the real run state machine, driven as the real loop drives it, with a command that only
// the simulation knows to live or to be dead.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "run/run.hpp"
#include "sim/client.hpp"

namespace condolock::sim {

class Process;

// What is seen of processes from outside.
class Onlooker {
 public:
  Onlooker() = default;
  Onlooker(const Onlooker&) = delete;
  Onlooker& operator=(const Onlooker&) = delete;
  virtual ~Onlooker() = default;
  // A command has begun, with a lease unless `fence` is 0; and has ended.
  virtual void on_command(const RunSpec& run, std::int64_t fence) = 0;
  virtual void on_command_end(const RunSpec& run) = 0;
  virtual void on_report(const RunSpec& run, const run::Report& report) = 0;
  virtual void on_exit(const RunSpec& run, int code) = 0;
};

// How far the promise's own assumptions are mutated to be wrong: see mutations.hpp.
struct ClientMutations {
  bool sent_after_reply = false;
};

class Process {
 public:
  Process(Agenda& agenda, Network& network, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker, Trace& trace,
          ClientMutations mutations);

  void begin();
  void signal(int number);
  // Nothing of it runs until then; `command` neither.
  void freeze(Nanos until, bool command);
  // It is gone at once, and so is its command; on a crash of the host nobody tells the server.
  void kill(bool host_too);
  bool is_over() const { return over_; }
  bool has_begun() const { return begun_; }
  const RunSpec& spec() const { return spec_; }

 private:
  Instant now() const { return Instant(BootClock::duration(clock_.at(agenda_.now()))); }
  bool is_frozen() const { return agenda_.now() < frozen_until_; }
  // Something has happened that the poll would return for.
  void wake();
  void service();
  // How long it takes until the process runs, once there is something for it to do.
  Nanos lag() { return lag_ == 0 ? 0 : dice_.between(0, lag_); }
  void set_alarm();

  void feed(const run::Event& event);
  void perform(const run::action::Eval& eval, std::deque<run::Event>& events);
  void perform(const run::action::Cancel& cancel, std::deque<run::Event>& events);
  void perform(const run::action::Spawn& spawn, std::deque<run::Event>& events);
  void perform(const run::action::MoveDeadlines& move, std::deque<run::Event>& events);
  void perform(const run::action::StopSelf& stop, std::deque<run::Event>& events);
  void perform(const run::action::LetGo& let_go, std::deque<run::Event>& events);
  void perform(const run::action::Stop& stop, std::deque<run::Event>& events);
  void perform(const run::action::Forward& forward, std::deque<run::Event>& events);
  void perform(const run::action::Notify& notify, std::deque<run::Event>& events);
  void perform(const run::action::Done& done, std::deque<run::Event>& events);

  void end_command_in(Nanos length, int code);
  void end_command(int code);

  Agenda& agenda_;
  const DriftingClock& clock_;
  Nanos lag_;
  Dice dice_;
  const RunSpec& spec_;
  Onlooker& onlooker_;
  Trace& trace_;
  ClientMutations mutations_;
  run::Run run_;
  Client client_;

  bool begun_ = false;
  bool over_ = false;
  bool fed_ = false;
  Nanos frozen_until_ = 0;
  bool command_frozen_ = false;
  std::uint64_t alarm_ = 0;  // the number of the one that counts
  std::deque<int> signals_;

  bool command_lives_ = false;
  Nanos ends_at_ = 0;
  std::uint64_t ending_ = 0;         // the number of the end that counts
  std::optional<int> command_code_;  // it has ended, and nobody has looked yet
};

}  // namespace condolock::sim
