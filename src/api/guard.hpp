// A run whose work is done by the program that links the library: the run state machine without a command. Without I/O, so
// that the simulation can drive it, too.
//
// Nobody can stop that work from outside. So what the state machine would do to a command, the guard only tells: the run is
// lost from the time at which a command would get TERM.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "run/run.hpp"

namespace condolock::api {

class Guard {
 public:
  // What to do with the engine, in this order. Judge: ask the predicates, and call judged().
  using Step = std::variant<run::action::Eval, run::action::Cancel, run::action::Judge>;
  using Steps = std::vector<Step>;

  // `listener` hears what a command line would print; it may be empty.
  explicit Guard(run::Plan plan, std::function<void(const run::Report&)> listener = {})
      : run_(std::move(plan)), listener_(std::move(listener)) {}

  // Events. The first must be begin(); none may follow is_over().
  Steps begin(Instant now) { return feed(run::event::Begin{}, now); }
  Steps on_reply(engine::Reply reply, Instant now) { return feed(run::event::Replied{std::move(reply)}, now); }
  Steps judged(std::vector<bool> predicates, Instant now) { return feed(run::event::Judged{std::move(predicates)}, now); }
  // When to call tick(); none: it is not needed.
  std::optional<Instant> next_tick() const { return run_.next_tick(); }
  Steps tick(Instant now) { return feed(run::event::Tick{}, now); }
  // Ends the wait for a grant, or gives back a grant that can't be used.
  Steps call_off(Instant now);
  // The work takes the run for lost, since lost_at() has passed.
  Steps lose(Instant now);
  // The work is done. `code`: 0 for a success.
  Steps finish(int code, Instant now);

  // Everything is decided, recorded or given back.
  bool is_over() const { return over_; }
  // The work may begin. True until is_over().
  bool is_granted() const { return granted_ && !over_; }
  const lock::Grant& grant() const { return grant_; }
  const std::optional<lock::Decision>& refusal() const { return refusal_; }
  bool was_called_off() const { return called_off_; }
  // Why there is no decision, or why the end could not be recorded.
  const std::optional<engine::Failure>& failure() const { return failure_; }

  // From when on the work must take the run for lost, unless a renewal moves this.
  Instant lost_at() const { return lost_at_; }
  // Why it is lost, in words; empty: it is not.
  const std::string& lost_because() const { return lost_because_; }

  bool is_recorded() const { return recorded_; }
  bool is_superseded() const { return superseded_; }
  // The exit code that `condolock run` would have: only if is_over().
  int exit_code() const { return exit_code_; }

 private:
  Steps feed(const run::Event& event, Instant now);
  void note(const run::Report& report);

  run::Run run_;
  std::function<void(const run::Report&)> listener_;
  bool granted_ = false;
  bool over_ = false;
  bool called_off_ = false;
  bool recorded_ = false;
  bool superseded_ = false;
  int exit_code_ = 0;
  lock::Grant grant_;
  std::optional<lock::Decision> refusal_;
  std::optional<engine::Failure> failure_;
  Instant lost_at_{};
  std::string lost_because_;
};

}  // namespace condolock::api
