#include "run/run.hpp"

#include <algorithm>
#include <csignal>

#include "engine/ask.hpp"
#include "run/exit_code.hpp"

namespace condolock {
namespace {

// A job that is told to end has no time for a slow engine: a lease that can't be given back by then ends by itself.
constexpr Millis hasty{1000};

bool ends_us(int signal) { return signal != SIGCONT && signal != SIGWINCH; }

bool ends_recording(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT; }

}  // namespace

std::vector<Action> Run::on(const Event& event, Instant now) {
  actions_.clear();
  std::visit([&](const auto& what) { handle(what, now); }, event);
  return std::move(actions_);
}

std::optional<Instant> Run::next_tick() const {
  std::optional<Instant> next = calling_ ? std::nullopt : next_call_;
  if (state_ != State::running) return next;
  if (stopping_) {
    if (!killed_) next = earlier(next, kill_at_);
  } else {
    next = earlier(next, timeout_at_);
  }
  if (!unleased_ && stopping_ != Why::lost && stopping_ != Why::not_renewed)
    next = earlier(next, lease_.term_at(plan_.kill_after));
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
    case State::done:
      return;
  }
}

void Run::handle(const event::Signalled& signalled, Instant now) {
  switch (state_) {
    case State::acquiring:
    case State::confirming:
      if (ends_us(signalled.number)) {
        if (calling_) may_hold_ = true;
        cancel();
        end_without_child(128 + signalled.number, std::min(hasty, plan_.redis_timeout), now);
      }
      return;
    case State::running:
      if (!signalled.child_has_it) actions_.push_back(action::Forward{signalled.number});
      return;
    case State::recording:
      if (ends_recording(signalled.number) && !last_attempt_) {
        last_attempt_ = true;
        if (!calling_) finish(now);
      }
      return;
    case State::abandoning:
      if (ends_us(signalled.number)) {
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
  if (state_ == State::running) watch_child(now);
  if (calling_ || !next_call_ || now < *next_call_) return;
  if (state_ == State::acquiring) return acquire(now);
  if (state_ == State::running) return renew(now);
  if (state_ == State::recording) return finish(now);
}

void Run::send(Call call, Millis patience, Instant now) {
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

// ---- before the child

void Run::acquire(Instant now) {
  ++acquires_;
  send(acquire_call(plan_.attempt, plan_.conditions, plan_.forced), plan_.redis_timeout, now);
}

void Run::on_decision(const Reply& reply, Instant now) {
  const Decision decision = decode_decision(reply, plan_.conditions.size());
  if (const auto* failure = std::get_if<Failure>(&decision)) return on_acquire_failure(*failure, now);
  if (const auto* grant = std::get_if<Grant>(&decision)) return on_grant(*grant, reply.sent, now);
  tell(report::Refused{decision});
  const bool busy = std::holds_alternative<Held>(decision);
  end_without_child(busy ? plan_.busy_code.value_or(plan_.skip_code) : plan_.skip_code, plan_.redis_timeout, now);
}

void Run::on_acquire_failure(const Failure& failure, Instant now) {
  may_hold_ = may_hold_ || failure.may_have_run;
  voided_ = failure.voided;
  if (worth_repeating(failure.fault) && !failure.voided && acquires_ < 2) {
    next_call_ = now + jitter_.between(Millis(20), Millis(100));
    return;
  }
  // An answer that refuses, whatever the reason, is no "no answer".
  const bool no_answer = failure.fault == Fault::unreachable && !failure.voided;
  if (no_answer && plan_.on_unreachable == OnUnreachable::run) {
    unleased_ = true;
    state_ = State::running;
    tell(report::Unleased{failure});
    actions_.push_back(action::Spawn{Grant{}});
    return;
  }
  if (no_answer && plan_.on_unreachable == OnUnreachable::skip) {
    tell(report::SkippedUnreachable{failure});
    return end_without_child(plan_.skip_code, plan_.redis_timeout, now);
  }
  tell(report::NoGrant{failure});
  end_without_child(exit_code::of(failure.fault), plan_.redis_timeout, now);
}

void Run::on_grant(const Grant& grant, Instant sent, Instant now) {
  may_hold_ = true;
  grant_ = grant;
  lease_ = {sent, plan_.attempt.lease};
  if (!lease_.is_stale(now)) return spawn();
  state_ = State::confirming;
  send(renew_call(plan_.attempt, grant_), lease_.attempt(plan_.redis_timeout), now);
}

void Run::on_confirmation(const Reply& reply, Instant now) {
  const auto answer = decode_renewal(reply);
  lease_.sent = reply.sent;
  const auto* renewal = std::get_if<Renewal>(&answer);
  if (renewal != nullptr && *renewal != Renewal::lost && !lease_.is_stale(now)) return spawn();
  Failure failure{Fault::unreachable, true, false,
                  "the lease was granted too late to be used, and could not be renewed in time"};
  if (const auto* cause = std::get_if<Failure>(&answer)) failure = *cause;
  tell(report::NoGrant{failure});
  end_without_child(exit_code::of(failure.fault), plan_.redis_timeout, now);
}

void Run::spawn() {
  state_ = State::running;
  tell(report::Granted{grant_});
  actions_.push_back(action::Spawn{grant_});
}

void Run::handle(const event::Spawned& /*event*/, Instant now) {
  if (!unleased_) next_call_ = lease_.renew_at();
  if (plan_.timeout) timeout_at_ = now + *plan_.timeout;
}

void Run::handle(const event::SpawnFailed& failed, Instant now) {
  tell(report::NotStarted{failed.error});
  end_without_child(failed.exit_code, plan_.redis_timeout, now);
}

// Gives back what the engine may hold for us: also after a refusal, if an earlier acquire may be on its way still.
void Run::end_without_child(int exit_code, Millis patience, Instant now) {
  exit_code_ = exit_code;
  if (!may_hold_) return done(exit_code);
  state_ = State::abandoning;
  Call call = abandon_call(plan_.attempt);
  call.same_session = voided_;
  send(std::move(call), patience, now);
}

// ---- while the child lives

void Run::renew(Instant now) { send(renew_call(plan_.attempt, grant_), lease_.attempt(plan_.redis_timeout), now); }

void Run::on_renewal(const Reply& reply, Instant now) {
  const auto answer = decode_renewal(reply);
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    const Millis pause = lease_.retry_pause();
    next_call_ = now + jitter_.between(pause / 2, pause);
    if (!renewal_failing_ && !stopping_) {
      const auto left = lease_.term_at(plan_.kill_after) - now;
      tell(report::RenewalFailed{*failure, std::chrono::duration_cast<Millis>(left)});
    }
    renewal_failing_ = true;
    return;
  }
  if (std::get<Renewal>(answer) == Renewal::lost) {
    // No further attempt: next_call_ stays empty.
    return stop(Why::lost, now + lease_.grace(plan_.kill_after));
  }
  lease_.sent = reply.sent;
  next_call_ = lease_.renew_at();
  if (std::get<Renewal>(answer) == Renewal::reasserted) {
    tell(report::Reasserted{});
  } else if (renewal_failing_) {
    tell(report::Renewed{});
  }
  renewal_failing_ = false;
}

// TERM now, KILL at kill_at. A lost lease overrides a timeout: it is the worse news, and may be the shorter time.
void Run::stop(Why why, Instant kill_at) {
  if (stopping_ && (stopping_ != Why::timeout || why == Why::timeout)) return;
  if (!stopping_) {
    kill_at_ = kill_at;
    actions_.push_back(action::Stop{SIGTERM});
  }
  kill_at_ = std::min(kill_at_, kill_at);
  stopping_ = why;
  tell(report::Stopping{why});
}

void Run::watch_child(Instant now) {
  if (!unleased_ && now >= lease_.term_at(plan_.kill_after)) stop(Why::not_renewed, lease_.kill_at());
  if (timeout_at_ && now >= *timeout_at_) stop(Why::timeout, now + plan_.kill_after);
  if (stopping_ && !killed_ && now >= kill_at_) {
    killed_ = true;
    actions_.push_back(action::Stop{SIGKILL});
  }
}

// ---- after the child

void Run::handle(const event::ChildExited& exited, Instant now) {
  cancel();
  state_ = State::recording;
  child_code_ = exited.code;
  exit_code_ = exited.code;
  const bool success = exited.code == 0 || std::find(plan_.success_codes.begin(), plan_.success_codes.end(), exited.code) !=
                                               plan_.success_codes.end();
  outcome_ = success ? Outcome::success : Outcome::failed;
  if (stopping_ == Why::timeout) {
    outcome_ = Outcome::timeout;
    exit_code_ = exit_code::timeout;
  } else if (stopping_) {
    outcome_ = Outcome::lost;
    exit_code_ = exit_code::lost;
  }
  if (unleased_) return record_unleased(now);
  record_until_ = now + std::max(plan_.record_timeout, lease_.attempt(plan_.redis_timeout));  // one whole attempt at least
  finish(now);
}

void Run::finish(Instant now) {
  const auto left = std::chrono::duration_cast<Millis>(record_until_ - now);
  const Millis patience = std::max(std::min(lease_.attempt(plan_.redis_timeout), left), Millis(1));
  send(finish_call(plan_.attempt, grant_, outcome_, child_code_), patience, now);
}

// One attempt, as touch does, under a token of its own: the run's may be retired by then.
void Run::record_unleased(Instant now) {
  last_attempt_ = true;
  giving_back_ = may_hold_;
  may_hold_ = false;
  if (giving_back_) return send(abandon_call(plan_.attempt), plan_.redis_timeout, now);
  Attempt touch = plan_.attempt;
  touch.token += "T";
  send(touch_call(touch, outcome_, child_code_), plan_.redis_timeout, now);
}

void Run::on_recording(const Reply& reply, Instant now) {
  if (giving_back_) return record_unleased(now);
  const auto answer = decode_recording(reply);
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    const bool again = worth_repeating(failure->fault) || failure->fault == Fault::write_refused;
    const Instant next = now + jitter_.between(lease_.retry_pause() / 2, lease_.retry_pause());
    if (!again || last_attempt_ || next >= record_until_) return give_up_recording(*failure);
    next_call_ = next;
    return;
  }
  if (std::get<Recording>(answer) == Recording::superseded) {
    tell(report::Superseded{outcome_ == Outcome::success});
    if (outcome_ == Outcome::success) exit_code_ = exit_code::not_recorded;
  }
  done(exit_code_);
}

void Run::give_up_recording(const Failure& failure) {
  const bool matters = outcome_ == Outcome::success && !unleased_;
  tell(report::NotRecorded{failure, matters});
  if (matters) exit_code_ = exit_code::not_recorded;
  done(exit_code_);
}

}  // namespace condolock
