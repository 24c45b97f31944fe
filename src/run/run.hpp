// One run of a job, as a state machine without I/O: it is told what happened and says what to do. Time comes in as an
// argument, chance as a seed, so the same events give the same actions.
//
//   acquiring -> (confirming) -> spawning -> running -> recording -> done
//        \___________\______________\____> abandoning -> done
//
// With --on-unreachable run a child is started without a lease: nothing is renewed, and its end is recorded as touch does,
// once.
//
// acquiring   acquire is sent, at most twice in a row without an answer. Refused: done with the skip code, or with --wait
//             asked again: after having slept in the engine until a lease or a pause ends, or here until a condition may
//             hold.
// confirming  the grant arrived late: it is renewed before anything is started under it.
// spawning    the child is being started; a signal before it is there calls it off.
// running     the child lives. The lease is renewed; TERM and then KILL where it can't be, or at --timeout.
// recording   the child has ended: finish is sent until it is answered, or --record-timeout.
// abandoning  no child ran, but the engine may hold a lease for us: it is given back, once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lock/lease.hpp"
#include "lock/verbs.hpp"
#include "run/report.hpp"
#include "util/random.hpp"

namespace condolock::run {

// What to do where no answer comes before a grant.
enum class OnUnreachable : std::uint8_t { fail, run, skip };

// What the user asked for.
struct Plan {
  lock::Attempt attempt;
  std::vector<lock::Condition> conditions;
  bool forced = false;  // conditions and pause are skipped
  Millis redis_timeout{5000};
  std::optional<Millis> timeout;  // for the child
  Millis kill_after{10'000};
  Millis record_timeout{30'000};
  std::vector<int> success_codes;  // besides 0
  int skip_code = 75;
  std::optional<int> busy_code;  // where another holds the lease; none: the skip code
  OnUnreachable on_unreachable = OnUnreachable::fail;
  Millis jitter{0};                        // wait a random time up to this before the first acquire
  std::optional<Millis> wait = Millis(0);  // for a refusal to turn into a grant; none: for ever
  std::uint64_t seed = 0;
};

namespace event {
struct Begin {};
struct Replied {
  engine::Reply reply;
};
struct Spawned {
  int pid = 0;
};
struct SpawnFailed {
  int error = 0;  // errno
  int exit_code = 0;
};
struct ChildExited {
  int code = 0;  // 128+N for signal N
};
struct Signalled {
  int number = 0;
  bool child_has_it = false;  // the kernel sent it to the group that the child is in
};
struct Tick {};
}  // namespace event

using Event = std::variant<event::Begin, event::Replied, event::Spawned, event::SpawnFailed, event::ChildExited,
                           event::Signalled, event::Tick>;

namespace action {
struct Eval {  // start this call; one at a time
  engine::Call call;
};
struct Cancel {};     // forget the call that is under way
struct Spawn {        // start the child; answered by Spawned or SpawnFailed, or by a signal that calls it off
  lock::Grant grant;  // fence 0: there is none
};
struct Stop {  // send this to the child and everything below it
  int signal = 0;
};
struct Forward {  // pass this on to the child
  int signal = 0;
};
struct Notify {
  Report report;
};
struct Done {
  int exit_code = 0;
};
}  // namespace action

using Action =
    std::variant<action::Eval, action::Cancel, action::Spawn, action::Stop, action::Forward, action::Notify, action::Done>;

class Run {
 public:
  explicit Run(Plan plan) : plan_(std::move(plan)), jitter_(plan_.seed) {}

  // Begin is the first event. Nothing is to be fed after Done.
  std::vector<Action> on(const Event& event, Instant now);
  // Feed a Tick by then.
  std::optional<Instant> next_tick() const;
  // This signal ends a run whose child is not there yet.
  static bool calls_off(int signal);
  // Something was being done to stop the child when it ended, so what it left behind is not to live on.
  bool is_stopping() const { return stopping_.has_value(); }

 private:
  enum class State : std::uint8_t { idle, acquiring, confirming, spawning, running, recording, abandoning, done };
  using Why = report::Stopping::Why;

  void handle(const event::Begin&, Instant now);
  void handle(const event::Replied& replied, Instant now);
  void handle(const event::Spawned& spawned, Instant now);
  void handle(const event::SpawnFailed& failed, Instant now);
  void handle(const event::ChildExited& exited, Instant now);
  void handle(const event::Signalled& signalled, Instant now);
  void handle(const event::Tick&, Instant now);

  void send(engine::Call call, Millis patience, Instant now);
  void cancel();
  void notify(Report report) { actions_.push_back(action::Notify{std::move(report)}); }
  void done(int exit_code);

  void acquire(Instant now, std::optional<Millis> sleep = std::nullopt);
  void wait_on(const lock::Decision& refusal, Instant now);
  void on_decision(const engine::Reply& reply, Instant now);
  void on_acquire_failure(const engine::Failure& failure, Instant now);
  void on_grant(const lock::Grant& grant, Instant sent, Instant now);
  void on_confirmation(const engine::Reply& reply, Instant now);
  void spawn();
  void end_without_child(int exit_code, Millis patience, Instant now);

  void renew(Instant now);
  void on_renewal(const engine::Reply& reply, Instant now);
  void stop(Why why, Instant kill_at);
  void watch_child(Instant now);

  void finish(Instant now);
  void on_recording(const engine::Reply& reply, Instant now);
  void record_unleased(Instant now);
  void give_up_recording(const engine::Failure& failure);

  Plan plan_;
  util::Jitter jitter_;
  std::vector<Action> actions_;

  State state_ = State::idle;
  bool calling_ = false;                // a call is under way
  std::optional<Instant> next_call_;    // the next attempt of what this state sends
  int acquires_ = 0;                    // sent since the last answer
  std::optional<Instant> wait_until_;   // set by the first acquire
  std::optional<Instant> retry_until_;  // of a wait whose questions get no answer: the first of these in a row, and a while
  bool refused_ = false;                // an acquire was
  bool registered_as_waiter_ = false;   // the last acquire did
  std::optional<lock::Decision> leaving_;  // the refusal that ended the wait; the last acquire only says that it does
  bool may_hold_ = false;                  // the engine may hold a lease for our token
  bool voided_ = false;                    // ... taken in a session that was not ours
  lock::Grant grant_;
  lock::Lease lease_;

  std::optional<Instant> timeout_at_;
  std::optional<Why> stopping_;
  Instant kill_at_{};
  bool killed_ = false;
  bool renewal_failing_ = false;

  lock::Outcome outcome_ = lock::Outcome::success;
  int child_code_ = 0;
  int exit_code_ = 0;
  Instant record_until_{};
  bool last_attempt_ = false;
  bool unleased_ = false;     // the child was started without a lease
  bool giving_back_ = false;  // and what acquire may have left is abandoned before its end is recorded
};

}  // namespace condolock::run
