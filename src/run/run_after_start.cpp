// The second half of a run: the command runs, and the run records its end.
#include <algorithm>
#include <csignal>

#include "engine/ask.hpp"
#include "exit_code.hpp"
#include "run/run.hpp"

namespace condolock::run {

// ---- while the command runs

void Run::renew(Instant now) { send(lock::renew_call(plan_.attempt, grant_), lease_.attempt(plan_.redis_timeout), now); }

void Run::on_renewal(const engine::Reply& reply, Instant now) {
  const auto answer = lock::decode_renewal(reply);
  if (!answer) {
    const Millis pause = lease_.retry_pause();
    next_call_ = now + jitter_.between(pause / 2, pause);
    if (!renewal_failing_ && !stopping_) {
      const auto left = lease_.term_at(plan_.kill_after) - now;
      notify(report::RenewalFailed{answer.error(), std::chrono::duration_cast<Millis>(left)});
    }
    renewal_failing_ = true;
    return;
  }
  if (*answer == lock::Renewal::lost) {
    // Do not retry: next_call_ stays empty.
    return stop(Why::lost, now + lease_.grace(plan_.kill_after));
  }
  lease_.sent = reply.sent;
  next_call_ = lease_.renew_at();
  if (*answer == lock::Renewal::reasserted) {
    notify(report::Reasserted{});
  } else {
    notify(report::Renewed{renewal_failing_});
  }
  renewal_failing_ = false;
}

// Sends TERM now and KILL at kill_at. A lost lease overrides a timeout: it is worse, and may leave less time.
void Run::stop(Why why, Instant kill_at) {
  if (stopping_ && (stopping_ != Why::timeout || why == Why::timeout)) return;
  if (!stopping_) {
    kill_at_ = kill_at;
    actions_.push_back(action::Stop{SIGTERM});
  }
  kill_at_ = std::min(kill_at_, kill_at);
  stopping_ = why;
  notify(report::Stopping{why});
}

void Run::watch_child(Instant now) {
  if (!unleased_ && now >= lease_.term_at(plan_.kill_after)) stop(Why::not_renewed, lease_.kill_at());
  if (timeout_at_ && now >= *timeout_at_) stop(Why::timeout, now + plan_.kill_after);
  if (stopping_ && !killed_ && now >= kill_at_) {
    killed_ = true;
    actions_.push_back(action::Stop{SIGKILL});
  }
}

// ---- after the command

void Run::handle(const event::ChildExited& exited, Instant now) {
  cancel();
  state_ = State::recording;
  child_code_ = exited.code;
  exit_code_ = exited.code;
  const bool success = exited.code == 0 || std::find(plan_.success_codes.begin(), plan_.success_codes.end(), exited.code) !=
                                               plan_.success_codes.end();
  outcome_ = success ? lock::Outcome::success : lock::Outcome::failed;
  if (stopping_ == Why::timeout) {
    outcome_ = lock::Outcome::timeout;
    exit_code_ = exit_code::timeout;
  } else if (stopping_) {
    outcome_ = lock::Outcome::lost;
    exit_code_ = exit_code::lost;
  }
  notify(report::Ended{child_code_, outcome_});
  if (unleased_) return record_unleased(now);
  record_until_ = now + std::max(plan_.record_timeout, plan_.redis_timeout);  // at least one whole attempt
  finish(now);
}

void Run::finish(Instant now) {
  const auto left = std::chrono::duration_cast<Millis>(record_until_ - now);
  // The command has ended, so nothing hurries: an attempt has all of --redis-timeout, however short the lease is.
  const Millis patience = std::max(std::min(plan_.redis_timeout, left), Millis(1));
  engine::Call call = lock::finish_call(plan_.attempt, grant_, outcome_, child_code_);
  call.as_source = finish_failed_;
  send(std::move(call), patience, now);
}

// Sends one touch. If acquire may have left a lease, sends abandon first. The touch has its own token, since abandon retires
// the run's.
void Run::record_unleased(Instant now) {
  last_attempt_ = true;
  giving_back_ = may_hold_;
  may_hold_ = false;
  if (giving_back_) return send(lock::abandon_call(plan_.attempt), plan_.redis_timeout, now);
  lock::Attempt touch = plan_.attempt;
  touch.token += "T";
  send(lock::touch_call(touch, outcome_, child_code_), plan_.redis_timeout, now);
}

void Run::on_recording(const engine::Reply& reply, Instant now) {
  if (giving_back_) return record_unleased(now);
  const auto answer = lock::decode_recording(reply);
  if (!answer) {
    finish_failed_ = true;
    const engine::Fault fault = answer.error().fault;
    const bool again =
        fault != engine::Fault::denied && fault != engine::Fault::misconfigured && fault != engine::Fault::malformed;
    const Instant next = now + jitter_.between(lease_.retry_pause() / 2, lease_.retry_pause());
    if (!again || last_attempt_ || next >= record_until_) return give_up_recording(answer.error());
    next_call_ = next;
    return;
  }
  if (*answer == lock::Recording::superseded) {
    notify(report::Superseded{outcome_ == lock::Outcome::success});
    if (outcome_ == lock::Outcome::success) exit_code_ = exit_code::not_recorded;
  } else {
    notify(report::Recorded{});
  }
  done(exit_code_);
}

void Run::give_up_recording(const engine::Failure& failure) {
  const bool matters = outcome_ == lock::Outcome::success && !unleased_;
  notify(report::NotRecorded{failure, matters});
  if (matters) exit_code_ = exit_code::not_recorded;
  done(exit_code_);
}

}  // namespace condolock::run
