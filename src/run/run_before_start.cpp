// The first half of a run, before its command starts: acquire, wait, confirm, release.
#include <algorithm>
#include <utility>

#include "engine/ask.hpp"
#include "exit_code.hpp"
#include "run/run.hpp"

namespace condolock::run {
namespace {

// Limit of one sleep. A longer one would notice a dead connection, or a server that lost its data, too late.
constexpr Millis max_sleep{30'000};
constexpr Millis min_sleep{10};
// A sleep that ends sooner than this with a refusal was in vain. A lease that is renewed in time has more time left: it
// lasts at least a second, and is renewed every sixth of its length.
constexpr Millis early{500};

Millis left_of(Instant until, Instant now) { return std::max(Millis(0), std::chrono::duration_cast<Millis>(until - now)); }

}  // namespace

// `sleep`: the call first sleeps in the engine for this long, or until a wake-up.
void Run::acquire(Instant now, std::optional<Millis> sleep) {
  if (acquires_++ == 0) first_asked_ = now;
  if (!wait_until_) wait_until_ = plan_.wait ? now + *plan_.wait : Instant::max();
  // A predicate is asked just before the step, so after the sleep, and takes time of its own.
  if (!has_predicates()) return ask(sleep, now);
  if (sleep) return only_sleep(*sleep, now);
  actions_.push_back(action::Judge{});
}

bool Run::has_predicates() const {
  return std::any_of(plan_.conditions.begin(), plan_.conditions.end(),
                     [](const lock::Condition& condition) { return std::holds_alternative<lock::Predicate>(condition); });
}

// Sleeps in the engine until a wake-up, and takes nothing. If a wake-up comes, the acquire that follows passes it on where
// it must.
void Run::only_sleep(Millis length, Instant now) {
  engine::Call call = lock::check_call(plan_.attempt.job, {}, plan_.attempt.slots);
  call.not_ready_is_final = true;
  call.wait = engine::Wait{plan_.attempt.job.wake(), length};
  asleep_ = sleeps_ = true;
  send(std::move(call), std::min(plan_.redis_timeout, Millis(5000)) + length, now);
}

void Run::handle(const event::Judged& judged, Instant now) {
  if (state_ != State::acquiring) return;
  lock::answer(plan_.conditions, judged.predicates);
  ask(std::nullopt, now);
}

// Sends the acquire.
void Run::ask(std::optional<Millis> sleep, Instant now) {
  const lock::AcquireOptions options{plan_.forced, !refused_, std::min(max_sleep, left_of(*wait_until_, now))};
  registered_as_waiter_ = options.patience > Millis(0);
  engine::Call call = lock::acquire_call(plan_.attempt, plan_.conditions, options);
  call.not_ready_is_final = waits();
  sleeps_ = sleep.has_value();
  if (sleep) call.wait = engine::Wait{plan_.attempt.job.wake(), *sleep};
  if (!sleep) return send(std::move(call), plan_.redis_timeout, now);
  // acquire.lua counts this run as a waiter for `sleep` plus five seconds. After that, no wake-up is sent.
  send(std::move(call), std::min(plan_.redis_timeout, Millis(5000)) + *sleep, now);
}

void Run::acquire_again(Instant now) {
  if (!sleep_until_) return acquire(now);
  acquire(now, std::max(min_sleep, left_of(*std::exchange(sleep_until_, std::nullopt), now)));
}

void Run::on_decision(const engine::Reply& reply, Instant now) {
  if (std::exchange(asleep_, false)) {
    if (!reply.answer) return on_acquire_failure(reply.answer.error(), now);
    actions_.push_back(action::Judge{});
    return;
  }
  const auto decision = lock::decode_decision(reply, plan_.conditions.size());
  if (!decision) return on_acquire_failure(decision.error(), now);
  if (const auto* grant = std::get_if<lock::Grant>(&*decision)) return on_grant(*grant, reply.sent, now);
  const auto* skipped = std::get_if<lock::Skipped>(&*decision);
  const bool is_final = skipped != nullptr && skipped->verdict.is_final();
  const bool hopeless = now < *wait_until_ && is_hopeless(*decision);
  if (now < *wait_until_ && !is_final && !hopeless) return wait_on(*decision, now);
  // This waiter may have consumed the wake-up that another needs after the pause. One more acquire passes it on.
  if (refused_ && registered_as_waiter_ && std::holds_alternative<lock::Paused>(*decision)) {
    leaving_ = *decision;
    return acquire(now);
  }
  notify(report::Refused{*decision, hopeless});
  const bool busy = std::holds_alternative<lock::Held>(*decision);
  end_without_child(busy ? plan_.busy_code.value_or(plan_.skip_code) : plan_.skip_code, plan_.redis_timeout, now);
}

// A run that waits for the end of its own ancestor waits forever. With several slots, another slot may become free.
bool Run::is_hopeless(const lock::Decision& refusal) const {
  if (!plan_.ancestors) return false;
  if (const auto* held = std::get_if<lock::Held>(&refusal)) {
    const int ancestors = plan_.ancestors(held->who, plan_.attempt.job.key);
    return ancestors > 0 && ancestors >= held->live;
  }
  const auto* skipped = std::get_if<lock::Skipped>(&refusal);
  if (skipped == nullptr || skipped->who.empty()) return false;
  return plan_.ancestors(skipped->who, lock::encode(plan_.conditions[skipped->position]).key) > 0;
}

// Waits for a lease or a pause by sleeping in the engine, until a wake-up or the expected end. Waits for a condition here,
// until it is due. A condition without a known due time depends on other jobs. It is retried about every second.
void Run::wait_on(const lock::Decision& refusal, Instant now) {
  if (!refused_) notify(report::Waiting{refusal});
  const bool refused_before = std::exchange(refused_, true);
  acquires_ = 0;
  const Millis about_a_second = jitter_.between(Millis(900), Millis(1100));
  std::optional<Millis> left;
  bool asleep_there = true;
  if (const auto* held = std::get_if<lock::Held>(&refusal)) {
    left = held->left;
    if (held->live < held->slots) {
      // A slot is free, but only for runs with the same --slots as the holders. A wake-up would not help this run.
      left = about_a_second;
      asleep_there = false;
    }
  }
  if (const auto* paused = std::get_if<lock::Paused>(&refusal)) left = paused->left;
  if (const auto* skipped = std::get_if<lock::Skipped>(&refusal)) {
    left = skipped->verdict.due.value_or(about_a_second);
    asleep_there = false;
  }
  const Millis longest = std::min(max_sleep, left_of(*wait_until_, now));
  const Millis sleep = std::max(min_sleep, std::min(left.value_or(longest), longest));
  const Millis pause = std::min(pause_if_in_vain(refused_before, now), longest);
  slept_since_ = now + pause;
  if (!asleep_there) {
    next_call_ = now + pause + sleep;
  } else if (pause > Millis(0)) {
    next_call_ = now + pause;
    sleep_until_ = now + sleep;
  } else {
    acquire(now, sleep);
  }
}

// A wake-up that brings no lease is normal: another run came first. But this run sends only a few requests a second,
// whatever the wake list holds and the server answers.
Millis Run::pause_if_in_vain(bool slept, Instant now) {
  const bool in_vain = slept && now - slept_since_ < early;
  in_vain_ = in_vain ? in_vain_ + 1 : 0;
  return in_vain_ < 2 ? Millis(0) : jitter_.backoff(in_vain_ - 2, Millis(20), Millis(1000));
}

// Whether to ask once more after this failure.
bool Run::may_change(const engine::Failure& failure, Instant now) const {
  const bool not_ready = failure.fault == engine::Fault::not_ready;
  if (failure.voided || (!not_ready && !engine::worth_repeating(failure.fault))) return false;
  if (now < *wait_until_) return true;
  if (!not_ready) return acquires_ < 2;
  // Without --wait, the engine itself has asked until --redis-timeout. A short --wait must not end sooner.
  return waits() && now < first_asked_ + plan_.redis_timeout;
}

void Run::on_acquire_failure(const engine::Failure& failure, Instant now) {
  may_hold_ = may_hold_ || failure.may_have_run;
  voided_ = failure.voided;
  if (leaving_) {
    notify(report::Refused{*leaving_});
    return end_without_child(plan_.skip_code, plan_.redis_timeout, now);
  }
  // A run that waits must not give up because the server restarts or fails over.
  if (may_change(failure, now)) {
    // A proxy may close idle connections, so also that of a sleep. Only the next failure shows that the server is gone.
    const bool slept = std::exchange(sleeps_, false) && now < *wait_until_;
    if (slept && failure.fault == engine::Fault::unreachable) acquires_ = 0;
    if (waits() && acquires_ == 1) {
      const auto left = plan_.wait ? std::optional(left_of(*wait_until_, now)) : std::nullopt;
      notify(report::AskingAgain{failure, left, !std::exchange(asked_again_, true)});
    }
    next_call_ = now + jitter_.backoff(std::max(acquires_ - 1, 0), Millis(100), Millis(5000));
    if (now < *wait_until_) next_call_ = std::min(*next_call_, *wait_until_);
    return;
  }
  // --on-unreachable applies only if no answer came. A refusal is an answer, whatever its reason.
  const bool no_answer = failure.fault == engine::Fault::unreachable && !failure.voided;
  if (no_answer && plan_.on_unreachable == OnUnreachable::run) {
    unleased_ = true;
    notify(report::Unleased{failure});
    return start_command(now);
  }
  if (no_answer && plan_.on_unreachable == OnUnreachable::skip) {
    notify(report::SkippedUnreachable{failure});
    return end_without_child(plan_.skip_code, plan_.redis_timeout, now);
  }
  notify(report::NoGrant{failure});
  end_without_child(exit_code::of(failure.fault), plan_.redis_timeout, now);
}

void Run::on_grant(const lock::Grant& grant, Instant sent, Instant now) {
  may_hold_ = true;
  grant_ = grant;
  lease_ = {sent, plan_.attempt.lease};
  if (!lease_.is_stale(now)) return spawn(now);
  confirm(now);
}

void Run::confirm(Instant now) {
  state_ = State::confirming;
  send(lock::renew_call(plan_.attempt, grant_), std::min<Millis>(plan_.redis_timeout, plan_.attempt.lease / 4), now);
}

void Run::on_confirmation(const engine::Reply& reply, Instant now) {
  const auto answer = lock::decode_renewal(reply);
  lease_.sent = reply.sent;
  if (answer && !lock::is_gone(*answer) && !lease_.is_stale(now)) return spawn(now);
  engine::Failure failure{engine::Fault::unreachable, true, false,
                          "the lease was granted too late, and could not be renewed in time"};
  if (!answer) failure = answer.error();
  notify(report::NoGrant{failure});
  end_without_child(exit_code::of(failure.fault), plan_.redis_timeout, now);
}

void Run::spawn(Instant now) {
  if (!std::exchange(granted_told_, true)) notify(report::Granted{grant_});
  start_command(now);
}

// Reporting the grant may have taken long.
void Run::handle(const event::Late& /*event*/, Instant now) { confirm(now); }

void Run::handle(const event::SpawnFailed& failed, Instant now) {
  cancel();
  if (state_ == State::running) actions_.push_back(action::LetGo{});
  end_without_child(failed.exit_code, plan_.redis_timeout, now);
  notify(report::NotStarted{failed.exit_code, failed.why});
}

// Releases the lease that the engine may hold for this run. After a refusal, too: an earlier acquire may arrive late.
void Run::end_without_child(int exit_code, Millis patience, Instant now) {
  exit_code_ = exit_code;
  if (!may_hold_) return done(exit_code);
  state_ = State::abandoning;
  engine::Call call = lock::abandon_call(plan_.attempt);
  call.same_session = voided_;
  send(std::move(call), patience, now);
}

}  // namespace condolock::run
