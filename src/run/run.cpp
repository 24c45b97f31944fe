// The first half of a run, up to the child, and what every state has in common.
#include "run/run.hpp"

#include <algorithm>
#include <csignal>

#include "engine/ask.hpp"
#include "run/exit_code.hpp"

namespace condolock {
namespace {

// A job that is told to end has no time for a slow engine: a lease that can't be given back by then ends by itself.
constexpr Millis hasty{1000};

// Of one sleep: longer ones would find a dead connection, or a server that forgot us, too late.
constexpr Millis longest_sleep{30'000};
constexpr Millis shortest_sleep{10};

Millis left_of(Instant until, Instant now) { return std::max(Millis(0), std::chrono::duration_cast<Millis>(until - now)); }

bool ends_recording(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT; }

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
        tell(report::CalledOff{signalled.number});
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

// `sleep`: first sleep so long, in the engine, or until a lease or a pause ends.
void Run::acquire(Instant now, std::optional<Millis> sleep) {
  ++acquires_;
  if (!wait_until_) wait_until_ = plan_.wait ? now + *plan_.wait : Instant::max();
  const Asking asking{plan_.forced, !refused_, std::min(longest_sleep, left_of(*wait_until_, now))};
  said_to_wait_ = asking.patience > Millis(0);
  Call call = acquire_call(plan_.attempt, plan_.conditions, asking);
  if (sleep) call.wait = Wait{plan_.attempt.job.wake(), *sleep};
  if (!sleep) return send(std::move(call), plan_.redis_timeout, now);
  // Whoever frees the lease wakes those who have begun to sleep by five seconds from the last answer.
  send(std::move(call), std::min(plan_.redis_timeout, Millis(5000)) + *sleep, now);
}

void Run::on_decision(const Reply& reply, Instant now) {
  const Decision decision = decode_decision(reply, plan_.conditions.size());
  if (const auto* failure = std::get_if<Failure>(&decision)) return on_acquire_failure(*failure, now);
  if (const auto* grant = std::get_if<Grant>(&decision)) return on_grant(*grant, reply.sent, now);
  const auto* skipped = std::get_if<Skipped>(&decision);
  const bool is_final = skipped != nullptr && skipped->verdict.is_final();
  if (now < *wait_until_ && !is_final) return wait_on(decision, now);
  // Who was woken during a pause is the one that will be there when it ends. Who leaves before asks once more, and says so.
  if (refused_ && said_to_wait_ && std::holds_alternative<Paused>(decision)) {
    leaving_ = decision;
    return acquire(now);
  }
  tell(report::Refused{decision});
  const bool busy = std::holds_alternative<Held>(decision);
  end_without_child(busy ? plan_.busy_code.value_or(plan_.skip_code) : plan_.skip_code, plan_.redis_timeout, now);
}

// A lease and a pause end with a wake-up, or when their time is over. A condition holds when its time has come; where that
// can't be known, since it depends on what others do, it is asked for every second or so.
void Run::wait_on(const Decision& refusal, Instant now) {
  if (!refused_) tell(report::Waiting{refusal});
  refused_ = true;
  acquires_ = 0;
  retry_until_.reset();
  const Millis about_a_second = jitter_.between(Millis(900), Millis(1100));
  std::optional<Millis> left;
  bool asleep_there = true;
  if (const auto* held = std::get_if<Held>(&refusal)) {
    left = held->left;
    if (held->live < held->slots) {
      // A slot is free, but not for us who name another number of them. A wake-up is not for us either.
      left = about_a_second;
      asleep_there = false;
    }
  }
  if (const auto* paused = std::get_if<Paused>(&refusal)) left = paused->left;
  if (const auto* skipped = std::get_if<Skipped>(&refusal)) {
    left = skipped->verdict.due.value_or(about_a_second);
    asleep_there = false;
  }
  const Millis longest = std::min(longest_sleep, left_of(*wait_until_, now));
  const Millis sleep = std::max(shortest_sleep, std::min(left.value_or(longest), longest));
  if (asleep_there) return acquire(now, sleep);
  next_call_ = now + sleep;
}

void Run::on_acquire_failure(const Failure& failure, Instant now) {
  may_hold_ = may_hold_ || failure.may_have_run;
  voided_ = failure.voided;
  if (leaving_) {
    tell(report::Refused{*leaving_});
    return end_without_child(plan_.skip_code, plan_.redis_timeout, now);
  }
  if (worth_repeating(failure.fault) && !failure.voided) {
    // Who has waited for an hour does not give up over a server that is restarted, or replaced by another.
    if (refused_ && !retry_until_) retry_until_ = now + plan_.redis_timeout;
    const bool waits = retry_until_ && now < *retry_until_;
    if (waits || acquires_ < 2) {
      next_call_ =
          now + (acquires_ < 2 ? jitter_.between(Millis(20), Millis(100)) : jitter_.between(Millis(200), Millis(500)));
      return;
    }
  }
  // An answer that refuses, whatever the reason, is no "no answer".
  const bool no_answer = failure.fault == Fault::unreachable && !failure.voided;
  if (no_answer && plan_.on_unreachable == OnUnreachable::run) {
    unleased_ = true;
    state_ = State::spawning;
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
  send(renew_call(plan_.attempt, grant_), std::min<Millis>(plan_.redis_timeout, plan_.attempt.lease / 4), now);
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
  state_ = State::spawning;
  tell(report::Granted{grant_});
  actions_.push_back(action::Spawn{grant_});
}

void Run::handle(const event::Spawned& spawned, Instant now) {
  tell(report::Started{spawned.pid});
  state_ = State::running;
  if (!unleased_) next_call_ = lease_.renew_at();
  if (plan_.timeout) timeout_at_ = now + *plan_.timeout;
}

void Run::handle(const event::SpawnFailed& failed, Instant now) {
  tell(report::NotStarted{failed.error, failed.exit_code});
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

}  // namespace condolock
