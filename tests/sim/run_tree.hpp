// The processes of a run except condolock: the command, the processes that it leaves, and the keeper. Each lives and dies
// separately. Only the simulation knows which of them are alive.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "run/run.hpp"
#include "sim/dice.hpp"
#include "sim/onlooker.hpp"
#include "sim/scenario.hpp"
#include "sim/trace.hpp"

namespace condolock::sim {

// Mutations of the processes: see mutations.hpp.
struct TreeMutations {
  bool no_keeper = false;
  bool deadline_not_moved = false;
  bool no_tree = false;
  bool no_wait_for_rest = false;
};

class RunTree {
 public:
  // Calls `wake` when something has happened that condolock would notice.
  RunTree(Agenda& agenda, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker, Trace& trace,
          TreeMutations mutations, std::function<void()> wake);

  void start(const run::action::Spawn& spawn);
  void move(const run::Deadlines& deadlines);
  void stop(int signal);  // called by condolock, for all processes
  // A program takes itself for lost, and stops as soon as it can.
  void lose() { stop(15); }
  void forward(int signal);  // called by condolock, for the command
  void let_go();

  // Faults:
  void freeze(Nanos until);  // the whole host is frozen
  void on_condolock_killed();
  void on_crash();  // of the whole host
  void kill_keeper();
  void stop_keeper();

  // Returns the news since the last call.
  std::vector<run::Event> look();
  bool has_news() const { return !news_.empty(); }

 private:
  struct Part {
    bool lives = false;
    Nanos ends_at = 0;
    std::uint64_t ending = 0;  // number of the valid end
  };

  bool is_frozen() const { return agenda_.now() < frozen_until_; }
  Nanos lag() { return lag_ == 0 ? 0 : dice_.between(0, lag_); }
  Instant now() const { return Instant(BootClock::duration(clock_.at(agenda_.now()))); }

  void set_alarm();
  void look_at_time();
  void send(int signal);
  void end_in(Part& part, Nanos length, int code);
  void end(Part& part, int code);
  void tell(run::Event event);

  Agenda& agenda_;
  const DriftingClock& clock_;
  Nanos lag_;
  Dice dice_;
  const RunSpec& spec_;
  Onlooker& onlooker_;
  Trace& trace_;
  TreeMutations mutations_;
  std::function<void()> wake_;

  Part command_;
  int code_ = 0;  // exit code of the command, once it has ended
  Part rest_;
  bool is_seen_ = false;  // the onlooker believes that the run is alive
  std::vector<run::Event> news_;

  enum class Phase : std::uint8_t { running, told, killed };
  bool keeper_lives_ = false;
  bool is_let_go_ = false;
  Phase phase_ = Phase::running;
  run::Deadlines deadlines_;
  std::uint64_t alarm_ = 0;  // number of the valid alarm
  Nanos frozen_until_ = 0;
};

}  // namespace condolock::sim
