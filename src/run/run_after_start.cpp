// The second half of a run: the command runs, then the run records its end.
#include <algorithm>
#include <csignal>

#include "engine/ask.hpp"
#include "exit_code.hpp"
#include "run/run.hpp"
#include "util/signal.hpp"

namespace condolock::run {

// ---- while the command runs

void Run::start_command(Instant now) {
  state_ = State::spawning;
  if (plan_.timeout) timeout_at_ = keeper_timeout_at_ = now + *plan_.timeout;
  actions_.push_back(action::Spawn{unleased_ ? lock::Grant{} : grant_, deadlines()});
}

void Run::handle(const event::Spawned& /*event*/, Instant /*now*/) {
  state_ = State::running;
  if (!unleased_) next_call_ = lease_.renew_at();
}

// --timeout counts from the command's start, which is here. Before, it limits an exec that hangs.
void Run::handle(const event::Executed& executed, Instant now) {
  executed_at_ = now;
  if (plan_.timeout && !ending_) {
    timeout_at_ = now + *plan_.timeout;
    actions_.push_back(action::MoveDeadlines{deadlines()});
  }
  notify(report::Started{executed.pid});
}

// condolock itself acts on these times. The keeper does so if condolock is stopped or stuck.
Deadlines Run::deadlines() const {
  Deadlines out;
  if (!unleased_) out = {lease_.term_at(plan_.kill_after), lease_.kill_at()};
  if (timeout_at_) {
    out.term_at = std::min(out.term_at, *timeout_at_);
    out.kill_at = std::min(out.kill_at, *timeout_at_ + plan_.kill_after);
  }
  out.kill_at = std::min(out.kill_at, kill_at_);
  return out;
}

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
  if (lock::is_gone(*answer)) {
    // Do not retry: next_call_ stays empty.
    const Why why = *answer == lock::Renewal::revoked ? Why::revoked : Why::lost;
    return stop(why, now + lease_.grace(plan_.kill_after), lock::revoked_by(reply));
  }
  lease_.sent = reply.sent;
  next_call_ = lease_.renew_at();
  actions_.push_back(action::MoveDeadlines{deadlines()});
  if (*answer == lock::Renewal::reasserted) {
    notify(report::Reasserted{});
  } else {
    notify(report::Renewed{renewal_failing_});
  }
  renewal_failing_ = false;
}

// Sends TERM now and KILL at kill_at, to the whole run.
void Run::end_all(Instant kill_at) {
  if (!ending_) actions_.push_back(action::Stop{plan_.stop_signal, group_has_stop_signal_});
  ending_ = true;
  rest_at_.reset();
  kill_at_ = std::min(kill_at_, kill_at);
  actions_.push_back(action::MoveDeadlines{deadlines()});
}

// A lost lease overrides a timeout: it is worse, and may leave less time.
void Run::stop(Why why, Instant kill_at, const std::string& by) {
  if (stopping_ && (stopping_ != Why::timeout || why == Why::timeout)) return;
  end_all(kill_at);
  stopping_ = why;
  notify(report::Stopping{why, by});
}

void Run::watch_run(Instant now) {
  if (!unleased_ && now >= lease_.term_at(plan_.kill_after)) stop(Why::not_renewed, lease_.kill_at());
  if (timeout_at_ && now >= *timeout_at_) stop(Why::timeout, now + plan_.kill_after);
  if (rest_at_ && now >= *rest_at_) watch_rest(now);
  if (ending_ && !killed_ && now >= kill_at_) {
    killed_ = true;
    actions_.push_back(action::Stop{SIGKILL});
  }
}

void Run::on_signal(const event::Signalled& signalled, Instant now) {
  if (util::asks_to_end(signalled.number)) told_ = true;
  if (ended_at_) {
    if (told_ && !ending_) end_all(now + plan_.kill_after);
    return;
  }
  if (signalled.child_has_it) return;
  if (signalled.number == plan_.stop_signal) group_has_stop_signal_ = true;
  actions_.push_back(action::Forward{signalled.number});
}

void Run::handle(const event::ChildStopped& /*event*/, Instant /*now*/) {
  if (state_ == State::running && !ending_) actions_.push_back(action::StopSelf{});
}

void Run::handle(const event::Expired& /*event*/, Instant now) {
  if (state_ != State::running) return;
  watch_run(now);
  if (stopping_) return;
  // The deadline was moved at the same moment: by the exec, from which --timeout counts, or by a renewal.
  if (keeper_timeout_at_ && now >= *keeper_timeout_at_) return stop(Why::timeout, now + plan_.kill_after);
  if (!unleased_) stop(Why::not_renewed, lease_.kill_at());
}

void Run::handle(const event::KeeperGone& /*event*/, Instant now) {
  if (state_ != State::running) return;
  told_ = true;
  end_all(now + plan_.kill_after);
  notify(report::KeeperGone{});
}

void Run::handle(const event::NotPermitted& denied, Instant /*now*/) { notify(report::NotPermitted{denied.pid}); }

// ---- after the command

bool Run::has_succeeded() const {
  return child_code_ == 0 ||
         std::find(plan_.success_codes.begin(), plan_.success_codes.end(), child_code_) != plan_.success_codes.end();
}

// The processes that are left get a moment to end by themselves: a daemon to leave the run, a reader of the output to read
// the last line.
void Run::handle(const event::ChildExited& exited, Instant now) {
  constexpr Millis moment{100};
  constexpr Millis moment_of_success{1000};
  constexpr Millis until_it_is_said{10'000};
  ended_at_ = now;
  child_code_ = exited.code;
  if (!has_succeeded()) timeout_at_.reset();  // the processes that it left are ended in any case
  if (ending_) return;
  if (told_ || !has_succeeded()) {
    rest_at_ = now + moment;
  } else if (plan_.leftovers == Leftovers::leave) {
    over(now);
  } else {
    rest_at_ = now + (plan_.leftovers == Leftovers::kill ? moment_of_success : until_it_is_said);
  }
}

void Run::watch_rest(Instant now) {
  rest_at_.reset();
  if (told_ || !has_succeeded() || plan_.leftovers == Leftovers::kill) return end_all(now + plan_.kill_after);
  notify(report::Leftovers{});
}

void Run::handle(const event::TreeEmpty& /*event*/, Instant now) {
  if (state_ == State::running && ended_at_) over(now);
}

void Run::over(Instant now) {
  cancel();
  state_ = State::recording;
  waited_for_rest_ = std::chrono::duration_cast<Millis>(now - *ended_at_);
  exit_code_ = child_code_;
  outcome_ = has_succeeded() ? lock::Outcome::success : lock::Outcome::failed;
  if (stopping_ == Why::timeout) {
    outcome_ = lock::Outcome::timeout;
    exit_code_ = exit_code::timeout;
  } else if (stopping_) {
    outcome_ = lock::Outcome::lost;
    exit_code_ = exit_code::lost;
  }
  record_until_ = now + std::max(plan_.record_timeout, plan_.redis_timeout);  // at least one whole attempt
  if (unleased_) {
    record_unleased(now);
  } else {
    finish(now);
  }
  actions_.push_back(action::LetGo{});
  const Millis took = std::chrono::duration_cast<Millis>(*ended_at_ - executed_at_.value_or(*ended_at_));
  notify(report::Ended{child_code_, outcome_, took});
}

void Run::finish(Instant now) {
  const auto left = std::chrono::duration_cast<Millis>(record_until_ - now);
  // The command has ended, so there is no hurry: an attempt may take all of --redis-timeout, however short the lease is.
  const Millis patience = std::max(std::min(plan_.redis_timeout, left), Millis(1));
  engine::Call call = lock::finish_call(plan_.attempt, grant_, outcome_, child_code_, waited_for_rest_);
  call.as_source = record_failure_.has_value();
  is_hurried_ = patience < plan_.redis_timeout;
  send(std::move(call), patience, now);
}

// Sends one touch. If acquire may have left a lease, sends abandon first. The touch has its own token, since abandon retires
// the run's token.
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
    const engine::Fault fault = answer.error().fault;
    const bool again =
        fault != engine::Fault::denied && fault != engine::Fault::misconfigured && fault != engine::Fault::malformed;
    // A last attempt with little time fails with "no answer within 5ms". The failure before it says more.
    if (!record_failure_ || !is_hurried_ || !again) record_failure_ = answer.error();
    const Instant next = now + jitter_.between(lease_.retry_pause() / 2, lease_.retry_pause());
    if (!again || last_attempt_ || next >= record_until_) return give_up_recording(*record_failure_);
    next_call_ = next;
    return;
  }
  if (*answer == lock::Recording::superseded) {
    notify(report::Superseded{outcome_ == lock::Outcome::success});
    if (outcome_ == lock::Outcome::success) exit_code_ = exit_code::not_recorded;
  } else {
    notify(report::Recorded{lock::failures_in_a_row(reply).value_or(0)});
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
