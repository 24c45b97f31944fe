// The processes of a run besides condolock: the command, what it leaves behind, and the keeper. Each lives and dies apart.
// Only the simulation knows which of them do.
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

// Rules of the processes that are taken out: see mutations.hpp.
struct TreeMutations {
  bool no_keeper = false;
  bool deadline_not_moved = false;
  bool no_tree = false;
  bool no_wait_for_rest = false;
};

class RunTree {
 public:
  // `wake`: something has happened that condolock would learn of.
  RunTree(Agenda& agenda, const Scenario& scenario, const RunSpec& spec, Onlooker& onlooker, Trace& trace,
          TreeMutations mutations, std::function<void()> wake);

  void start(const run::action::Spawn& spawn);
  void move(const run::Deadlines& deadlines);
  void stop(int signal);     // by condolock, to all
  void forward(int signal);  // by condolock, to the command
  void let_go();

  // From outside.
  void freeze(Nanos until);  // the whole host
  void on_condolock_killed();
  void on_crash();  // of the host
  void kill_keeper();
  void stop_keeper();

  // Returns the news that condolock has not got yet.
  std::vector<run::Event> look();
  bool has_news() const { return !news_.empty(); }

 private:
  struct Part {
    bool lives = false;
    Nanos ends_at = 0;
    std::uint64_t ending = 0;  // the number of the end that counts
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
  int code_ = 0;  // of the command, once it has ended
  Part rest_;
  bool is_seen_ = false;  // the onlooker takes the run for alive
  std::vector<run::Event> news_;

  enum class Phase : std::uint8_t { running, told, killed };
  bool keeper_lives_ = false;
  bool is_let_go_ = false;
  Phase phase_ = Phase::running;
  run::Deadlines deadlines_;
  std::uint64_t alarm_ = 0;  // the number of the one that counts
  Nanos frozen_until_ = 0;
};

}  // namespace condolock::sim
