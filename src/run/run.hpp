// One run of a job, as a state machine without I/O: events in, actions out. The caller passes in the time and a random seed,
// so the same events always give the same actions.
//
//   acquiring -> (confirming) -> spawning -> running -> recording -> done
//        \___________\______________\____________\____> abandoning -> done
//
// acquiring   The run sends acquire. If no answer comes, it retries once, or with --wait until the wait is over. After a
//             refusal it is done with the skip code. With --wait it acquires again instead. Before that, it sleeps: in the
//             engine until a lease or a pause ends, or here until a condition may hold. It pauses before the sleep if
//             earlier sleeps ended early and in vain.
// confirming  The grant arrived late. The run renews it before it starts the command.
// spawning    The command is about to be started. A signal that has come calls the run off. If the lease has become too old,
//             the run confirms it again.
// running     The command is running, or has ended and left processes that still run. The run renews the lease.
//             If it cannot, or at --timeout, it sends TERM and then KILL to all of the run. If the command fails or is told
//             to end, the run sends them to what the command left.
// recording   The run is over. It sends finish until it is answered, or until --record-timeout.
// abandoning  No command ran, but the engine may hold a lease for this run. The run releases it, with one attempt.
//
// With --on-unreachable run, the command may be started without a lease. The run then renews nothing, and records the end
// with one touch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lock/lease.hpp"
#include "lock/verbs.hpp"
#include "run/report.hpp"
#include "util/random.hpp"

namespace condolock::run {

// What to do if the engine is unreachable before a grant.
enum class OnUnreachable : std::uint8_t { fail, run, skip };

// How to treat the processes that a successful command leaves. After a failure they are always ended.
enum class Leftovers : std::uint8_t { leave, wait, kill };

// What the user asked for.
struct Plan {
  lock::Attempt attempt;
  std::vector<lock::Condition> conditions;
  bool forced = false;  // ignores a pause; `conditions` must be empty
  Millis redis_timeout{5000};
  std::optional<Millis> timeout;  // of the command; none: no limit
  Millis kill_after{10'000};
  int stop_signal = 15;  // sent to end all of the run, before KILL; TERM by default
  Millis record_timeout{30'000};
  std::vector<int> success_codes;  // in addition to 0
  int skip_code = 75;
  std::optional<int> busy_code;  // if the lease is held; none: skip_code
  OnUnreachable on_unreachable = OnUnreachable::fail;
  Leftovers leftovers = Leftovers::leave;
  Millis jitter{0};                        // wait a random time up to this before the first acquire
  std::optional<Millis> wait = Millis(0);  // how long to wait for a grant; none: forever
  // If the holder `who` is an ancestor of this process: how many runs of the job `key` are ancestors. Otherwise 0. An
  // ancestor can't end before this run does, since it waits for it. Empty: always 0.
  std::function<int(const std::string& who, const std::string& key)> ancestors;
  std::uint64_t seed = 0;
};

namespace event {
struct Begin {};
struct Judged {  // answers Judge: whether each predicate among the conditions holds, in their order
  std::vector<bool> predicates;
};
struct Replied {
  engine::Reply reply;
};
struct Late {};     // instead of a start: the lease has become too old
struct Spawned {};  // the command is about to be executed, which may take long
struct Executed {
  int pid = 0;
};
struct SpawnFailed {  // instead of Spawned or of Executed
  int exit_code = 0;
  std::string why;  // for a message
};
struct ChildExited {
  int code = 0;  // 128+N for signal N
};
struct TreeEmpty {};     // after ChildExited: no process of the run is alive
struct ChildStopped {};  // by job control, and a shell waits for condolock to be stopped, too
struct Expired {};       // the keeper has sent TERM because a deadline had passed
struct KeeperGone {};    // the keeper was killed or stopped
struct NotPermitted {    // a process of the run can't be signalled
  int pid = 0;
};
struct Signalled {
  int number = 0;
  bool child_has_it = false;  // the command got it, too: it is in the same process group
};
struct Tick {};
}  // namespace event

using Event = std::variant<event::Begin, event::Judged, event::Replied, event::Late, event::Spawned, event::Executed,
                           event::SpawnFailed, event::ChildExited, event::TreeEmpty, event::ChildStopped, event::Expired,
                           event::KeeperGone, event::NotPermitted, event::Signalled, event::Tick>;

// Times at which the keeper ends the run, unless they are moved before.
struct Deadlines {
  Instant term_at = Instant::max();
  Instant kill_at = Instant::max();
};

namespace action {
struct Eval {  // start this call; only one at a time
  engine::Call call;
};
struct Cancel {};     // drop the call in progress
struct Judge {};      // ask the predicates; answered by Judged before any other event
struct Spawn {        // start the command; answered by Late, Spawned, SpawnFailed, or a signal that calls the run off
  lock::Grant grant;  // fence 0: there is no lease
  Deadlines deadlines;
};
struct MoveDeadlines {
  Deadlines deadlines;
};
struct Stop {  // send this signal to the whole run
  int signal = 0;
  bool group_has_it = false;  // the command's own process group has already got this signal
};
struct StopSelf {};  // so that the shell sees a stopped job
struct LetGo {};     // the run is over; processes of it that are alive go on
struct Forward {     // pass this on to the command
  int signal = 0;
};
struct Notify {
  Report report;
};
struct Done {
  int exit_code = 0;
};
}  // namespace action

using Action = std::variant<action::Eval, action::Cancel, action::Judge, action::Spawn, action::MoveDeadlines, action::Stop,
                            action::StopSelf, action::LetGo, action::Forward, action::Notify, action::Done>;

class Run {
 public:
  explicit Run(Plan plan) : plan_(std::move(plan)), jitter_(plan_.seed) {}

  // The first event must be Begin. No event may follow Done.
  std::vector<Action> on(const Event& event, Instant now);
  // When to feed the next Tick; none: no Tick is needed.
  std::optional<Instant> next_tick() const;
  // Whether this signal ends a run whose command has not started yet.
  static bool calls_off(int signal);
  // Whether the lease is too old to start the command under it. Ask this just before the start, since a message may block.
  bool is_late(Instant now) const { return !unleased_ && lease_.is_stale(now); }
  // Releases the lease that the engine may hold, for a caller that can feed no more events.
  engine::Call call_to_abandon() const { return lock::abandon_call(plan_.attempt); }

 private:
  enum class State : std::uint8_t { idle, acquiring, confirming, spawning, running, recording, abandoning, done };
  using Why = report::Stopping::Why;

  void handle(const event::Begin&, Instant now);
  void handle(const event::Judged& judged, Instant now);
  void handle(const event::Replied& replied, Instant now);
  void handle(const event::Late&, Instant now);
  void handle(const event::Spawned&, Instant now);
  void handle(const event::Executed& executed, Instant now);
  void handle(const event::SpawnFailed& failed, Instant now);
  void handle(const event::ChildExited& exited, Instant now);
  void handle(const event::TreeEmpty&, Instant now);
  void handle(const event::ChildStopped&, Instant now);
  void handle(const event::Expired&, Instant now);
  void handle(const event::KeeperGone&, Instant now);
  void handle(const event::NotPermitted& denied, Instant now);
  void handle(const event::Signalled& signalled, Instant now);
  void handle(const event::Tick&, Instant now);

  void send(engine::Call call, Millis patience, Instant now);
  void cancel();
  void notify(Report report) { actions_.push_back(action::Notify{std::move(report)}); }
  void done(int exit_code);

  bool waits() const { return !plan_.wait || *plan_.wait > Millis(0); }
  void acquire(Instant now, std::optional<Millis> sleep = std::nullopt);
  bool has_predicates() const;
  void only_sleep(Millis length, Instant now);
  void ask(std::optional<Millis> sleep, Instant now);
  void acquire_again(Instant now);
  bool is_hopeless(const lock::Decision& refusal) const;
  void wait_on(const lock::Decision& refusal, Instant now);
  Millis pause_if_in_vain(bool slept, Instant now);
  void on_decision(const engine::Reply& reply, Instant now);
  void on_acquire_failure(const engine::Failure& failure, Instant now);
  bool may_change(const engine::Failure& failure, Instant now) const;
  void on_grant(const lock::Grant& grant, Instant sent, Instant now);
  void on_confirmation(const engine::Reply& reply, Instant now);
  void confirm(Instant now);
  void spawn(Instant now);
  void start_command(Instant now);
  void end_without_child(int exit_code, Millis patience, Instant now);

  void renew(Instant now);
  void on_renewal(const engine::Reply& reply, Instant now);
  Deadlines deadlines() const;
  void end_all(Instant kill_at);
  void stop(Why why, Instant kill_at, const std::string& by = {});
  void watch_run(Instant now);
  void watch_rest(Instant now);
  void on_signal(const event::Signalled& signalled, Instant now);
  bool has_succeeded() const;
  void over(Instant now);

  void finish(Instant now);
  void on_recording(const engine::Reply& reply, Instant now);
  void record_unleased(Instant now);
  void give_up_recording(const engine::Failure& failure);

  Plan plan_;
  util::Jitter jitter_;
  std::vector<Action> actions_;

  State state_ = State::idle;
  bool calling_ = false;                   // a call is in progress
  std::optional<Instant> next_call_;       // when to send the next request of this state
  int acquires_ = 0;                       // sent since the last answer
  Instant first_asked_{};                  // when the first of these was sent
  std::optional<Instant> wait_until_;      // set by the first acquire
  bool refused_ = false;                   // an acquire was refused
  bool asked_again_ = false;               // AskingAgain was reported in this wait
  Instant slept_since_{};                  // when the last sleep of the wait began
  int in_vain_ = 0;                        // sleeps in a row that ended early, and with a refusal
  std::optional<Instant> sleep_until_;     // the next acquire first sleeps in the engine until then
  bool sleeps_ = false;                    // the acquire in progress sleeps in the engine first
  bool asleep_ = false;                    // the call in progress only sleeps, since a predicate must be asked after it
  bool registered_as_waiter_ = false;      // the last acquire asked for a wake-up
  std::optional<lock::Decision> leaving_;  // the pause that ended the wait, reported if the last acquire fails
  bool may_hold_ = false;                  // the engine may hold a lease for our token
  bool voided_ = false;                    // the last failure voided a grant, see engine::Failure
  lock::Grant grant_;
  lock::Lease lease_;

  bool granted_told_ = false;
  std::optional<Instant> timeout_at_;
  std::optional<Instant> keeper_timeout_at_;  // the keeper's deadline until the command is executed
  std::optional<Why> stopping_;
  bool told_ = false;                   // the run was told to end, by a signal or by the death of its keeper
  bool group_has_stop_signal_ = false;  // the command's process group
  bool ending_ = false;                 // the whole run has got TERM
  Instant kill_at_ = Instant::max();
  bool killed_ = false;
  std::optional<Instant> executed_at_;
  std::optional<Instant> ended_at_;  // the command has ended
  Millis waited_for_rest_{};
  std::optional<Instant> rest_at_;  // when to act on the processes that the command left
  bool renewal_failing_ = false;

  lock::Outcome outcome_ = lock::Outcome::success;
  int child_code_ = 0;
  int exit_code_ = 0;
  Instant record_until_{};
  bool is_hurried_ = false;                        // this attempt to record has less time than --redis-timeout
  std::optional<engine::Failure> record_failure_;  // why an attempt failed; the next one sends the script itself
  bool last_attempt_ = false;
  bool unleased_ = false;     // the command was started without a lease
  bool giving_back_ = false;  // unleased: abandon was sent first, since acquire may have left a lease
};

}  // namespace condolock::run
