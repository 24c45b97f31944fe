// The whole run: which state handles which event, when the next tick is due, and the calls to the engine.
#include "run/run.hpp"

#include <algorithm>
#include <csignal>

#include "util/signal.hpp"

namespace condolock::run {
namespace {

// Time limit for releasing the lease after a signal. If the engine is slower, the lease ends by itself.
constexpr Millis hasty{1000};

}  // namespace

bool Run::calls_off(int signal) { return signal != SIGCONT && signal != SIGWINCH; }

std::vector<Action> Run::on(const Event& event, Instant now) {
  actions_.clear();
  std::visit([&](const auto& what) { handle(what, now); }, event);
  return std::move(actions_);
}

std::optional<Instant> Run::next_tick() const {
  std::optional<Instant> next = calling_ ? std::nullopt : next_call_;
  if (state_ != State::running) return next;
  if (ending_ && !killed_) next = util::earlier(next, kill_at_);
  if (!stopping_) next = util::earlier(next, util::earlier(timeout_at_, rest_at_));
  if (!unleased_ && (!stopping_ || stopping_ == Why::timeout)) next = util::earlier(next, lease_.term_at(plan_.kill_after));
  return next;
}

void Run::handle(const event::Begin& /*event*/, Instant now) {
  state_ = State::acquiring;
  if (plan_.jitter <= Millis(0)) return acquire(now);
  next_call_ = now + jitter_.between(Millis(0), plan_.jitter);
}

void Run::handle(const event::Replied& replied, Instant now) {
  calling_ = false;
  switch (state_) {
    case State::acquiring:
      return on_decision(replied.reply, now);
    case State::confirming:
      return on_confirmation(replied.reply, now);
    case State::running:
      return on_renewal(replied.reply, now);
    case State::recording:
      return on_recording(replied.reply, now);
    case State::abandoning:
      return done(exit_code_);
    case State::idle:
    case State::spawning:
    case State::done:
      return;
  }
}

void Run::handle(const event::Signalled& signalled, Instant now) {
  switch (state_) {
    case State::acquiring:
    case State::confirming:
    case State::spawning:
      if (calls_off(signalled.number)) {
        notify(report::CalledOff{signalled.number});
        if (calling_) may_hold_ = true;
        cancel();
        end_without_child(128 + signalled.number, std::min(hasty, plan_.redis_timeout), now);
      }
      return;
    case State::running:
      return on_signal(signalled, now);
    case State::recording:
      if (util::asks_to_end(signalled.number) && !last_attempt_) {
        last_attempt_ = true;
        if (!calling_) finish(now);
      }
      return;
    case State::abandoning:
      if (calls_off(signalled.number)) {
        cancel();
        done(exit_code_);
      }
      return;
    case State::idle:
    case State::done:
      return;
  }
}

void Run::handle(const event::Tick& /*event*/, Instant now) {
  if (state_ == State::running) watch_run(now);
  if (calling_ || !next_call_ || now < *next_call_) return;
  if (state_ == State::acquiring) return acquire_again(now);
  if (state_ == State::running) return renew(now);
  if (state_ == State::recording) return finish(now);
}

void Run::send(engine::Call call, Millis patience, Instant now) {
  call.deadline = now + patience;
  calling_ = true;
  next_call_.reset();
  actions_.push_back(action::Eval{std::move(call)});
}

void Run::cancel() {
  if (calling_) actions_.push_back(action::Cancel{});
  calling_ = false;
  next_call_.reset();
}

void Run::done(int exit_code) {
  state_ = State::done;
  next_call_.reset();
  actions_.push_back(action::Done{exit_code});
}

}  // namespace condolock::run
