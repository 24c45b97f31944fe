#include "condolock/condition_context.hpp"

#include <algorithm>
#include <atomic>
#include <exception>

#include "api/lease_thread.hpp"
#include "api/lock_impl.hpp"
#include "lock/words.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/random.hpp"

namespace condolock {

// ---- Wait and Deadline

Wait Wait::forever() {
  Wait wait;
  wait.length_.reset();
  return wait;
}

std::optional<std::chrono::milliseconds> Wait::left() const {
  if (!until_) return length_;
  const auto now = std::chrono::steady_clock::now();
  if (*until_ <= now) return Millis(0);
  // The difference to the far end of the clock has no place in a duration.
  if (*until_ > now + util::longest_duration) return util::longest_duration;
  return std::chrono::ceil<Millis>(*until_ - now);
}

bool Deadline::expired() const noexcept { return state_->is_over(); }

std::chrono::milliseconds Deadline::remaining() const noexcept {
  if (state_->is_over()) return Millis(0);
  const auto left = BootClock::duration(state_->until.load(std::memory_order_acquire)) - BootClock::now().time_since_epoch();
  return std::max(std::chrono::duration_cast<Millis>(left), Millis(0));
}

// ---- ConditionContext

namespace {

void check(const ContextOptions& options) {
  api::check_length("lease", options.lease, Millis(1000));
  api::check_length("grace", options.grace, Millis(0));
  api::check_length("record_timeout", options.record_timeout, Millis(0));
  if (options.forget_after && *options.forget_after != Millis(0)) {
    api::check_length("forget_after", *options.forget_after, Millis(1000));
  }
  if (options.wait_replicas < 0 || options.wait_replicas > 100) {
    api::fail(Errc::invalid, "wait_replicas: invalid number '" + std::to_string(options.wait_replicas) + "': use 0 to 100");
  }
  if (options.history && (*options.history < 0 || *options.history > 10'000)) {
    api::fail(Errc::invalid, "history: invalid number '" + std::to_string(*options.history) + "': use 0 to 10000");
  }
}

run::Plan plan_of(std::string_view key, const ConditionalLock::Impl& lock, const ContextOptions& options) {
  check(options);
  if (options.wait_replicas > 0 && engine::kind_of(lock.engine->location) == "file") {
    api::fail(Errc::invalid, "wait_replicas: a directory (file:) has no replicas");
  }
  run::Plan plan;
  plan.attempt.replicas = options.wait_replicas;
  plan.attempt.job = lock.engine->job(key);
  plan.attempt.token = util::random_token();
  plan.attempt.who = lock::this_holder();
  plan.attempt.lease = options.lease;
  plan.attempt.slots = options.slots;
  plan.attempt.history_limit = options.history;
  plan.attempt.forget_after = options.forget_after;
  std::vector<lock::Condition> conditions = lock.checked(options.slots, options.forget_after.value_or(Millis(0)));
  plan.attempt.needs = lock::needs_of(conditions);
  plan.forced = options.force;
  if (!options.force) plan.conditions = std::move(conditions);
  plan.redis_timeout = lock.engine->patience();
  plan.kill_after = options.grace;
  plan.record_timeout = options.record_timeout;
  plan.wait = options.wait.left();
  plan.seed = util::random_seed();
  return plan;
}

// The decision, unless it is a grant or an error.
Decision decision_of(const api::Guard& guard, const std::vector<lock::Condition>& conditions, std::int64_t slots) {
  Decision decision;
  if (guard.was_called_off()) return {Decision::Kind::cancelled, "the wait was ended", {}, {}};
  if (!guard.refusal()) return decision;
  decision.text = lock::why_not(*guard.refusal(), conditions, slots);
  decision.kind = Decision::Kind::paused;
  if (std::holds_alternative<lock::Held>(*guard.refusal())) decision.kind = Decision::Kind::held;
  if (const auto* skipped = std::get_if<lock::Skipped>(&*guard.refusal())) {
    decision.kind = Decision::Kind::skipped;
    decision.due = skipped->verdict.due;
    decision.condition = skipped->position;
  }
  return decision;
}

}  // namespace

struct ConditionContext::Impl {
  Impl(run::Plan plan, const ConditionalLock::Impl& lock)
      : key(util::escape(plan.attempt.job.key)),
        conditions(plan.conditions),
        slots(plan.attempt.slots),
        engine(lock.engine),
        deadline(std::make_shared<Deadline::State>()),
        lease(
            std::move(plan), [lock] { return lock.judge(); }, engine, deadline) {}

  static Error make(std::unique_ptr<Impl>& into, std::string_view key, const ConditionalLock::Impl& lock,
                    const ContextOptions& options);
  void decide(const std::stop_token& stop);
  Error finish(Outcome outcome, std::optional<int> code);
  Error how_it_ended(Outcome outcome) const;

  const std::string key;  // escaped, for messages
  const std::vector<lock::Condition> conditions;
  const std::int64_t slots;
  const std::shared_ptr<Engine::Impl> engine;
  const std::shared_ptr<Deadline::State> deadline;
  api::LeaseThread lease;
  Decision decision;
  std::int64_t fence = 0;
  std::optional<Time> last_success;
  std::atomic<bool> open{false};  // granted, and not finished
  const int exceptions = std::uncaught_exceptions();
};

void ConditionContext::Impl::decide(const std::stop_token& stop) {
  lease.decide(stop);
  if (lease.has_started()) {
    const lock::Grant& grant = lease.grant();
    fence = grant.fence;
    if (grant.last_success) last_success = Time(Millis(*grant.last_success));
    decision.kind = Decision::Kind::granted;
    open = true;
    return;
  }
  decision = decision_of(lease.guard(), conditions, slots);
  if (decision.kind != Decision::Kind::failed) return;
  if (!lease.guard().failure()) api::fail(Errc::internal, key + " was not run: there was no decision");
  Error error = api::error_of(*lease.guard().failure());
  error.text = key + " was not run: " + error.text;
  throw Exception(error);
}

Error ConditionContext::Impl::finish(Outcome outcome, std::optional<int> code) {
  const bool success = outcome == Outcome::success;
  const int given = code.value_or(success ? 0 : 1);
  if (!engine->is_owner()) return {Errc::invalid, "after fork(), the run of " + key + " belongs to the parent"};
  if (!open) return {Errc::invalid, "the run of " + key + " was finished before"};
  if (lease.is_this_thread()) return {Errc::invalid, "finish() must not be called by a callback of stop_token()"};
  if (success ? given != 0 : given < 1 || given > 255) {
    return {Errc::invalid, "invalid exit code '" + std::to_string(given) + "': use 0 for a success, 1 to 255 for a failure"};
  }
  open = false;
  lease.finish(given);
  return how_it_ended(outcome);
}

// The sentences of the command line.
Error ConditionContext::Impl::how_it_ended(Outcome outcome) const {
  const bool success = outcome == Outcome::success;
  const api::Guard& guard = lease.guard();
  if (lease.is_broken()) {
    return {Errc::internal, "the result of " + key + " was not recorded: the thread that renews the lease failed"};
  }
  if (!guard.lost_because().empty()) return {Errc::lost, key + " lost its lease: " + guard.lost_because()};
  if (guard.is_superseded() && success) {
    return {Errc::superseded,
            key + " succeeded, but its lease was revoked or went to a later run: not recorded as its last success"};
  }
  if (guard.is_superseded()) {
    return {Errc::superseded,
            "the lease of " + key + " was revoked or went to a later run; the result of this run is only in the history"};
  }
  if (guard.is_recorded()) return {};
  const std::string why = guard.failure() ? guard.failure()->text : "there was no answer";
  if (success) return {Errc::not_recorded, key + " succeeded, but this was not recorded, so it may run again: " + why};
  return {Errc::not_recorded, "the result of " + key + " was not recorded: " + why};
}

// Sets `into`. Returns what went wrong; throws only what a predicate throws.
Error ConditionContext::Impl::make(std::unique_ptr<Impl>& into, std::string_view key, const ConditionalLock::Impl& lock,
                                   const ContextOptions& options) {
  Error error;
  try {
    into = std::make_unique<Impl>(plan_of(key, lock, options), lock);
    into->decide(options.stop);
  } catch (const api::PredicateThrew& predicate) {
    std::rethrow_exception(predicate.what);
  } catch (const Exception& exception) {
    error = exception.error();
  } catch (const api::Shortage& shortage) {
    error = {Errc::local, util::escape(key) + " was not run: " + shortage.what()};
  }
  if (error && into) into->decision = {Decision::Kind::failed, error.text, {}, {}};
  return error;
}

ConditionContext::ConditionContext(std::string_view key, const ConditionalLock& lock, const ContextOptions& options) {
  const Error error = Impl::make(impl_, key, lock.impl(), options);
  if (error) throw Exception(error);
}

ConditionContext::ConditionContext(std::string_view key, const ConditionalLock& lock, const ContextOptions& options,
                                   Error& error) {
  error = Impl::make(impl_, key, lock.impl(), options);
}

ConditionContext::ConditionContext(ConditionContext&& other) noexcept = default;

ConditionContext::~ConditionContext() {
  if (!impl_) return;
  // In the child after fork(), to close anything would say goodbye on the parent's connection.
  if (!impl_->engine->is_owner()) {
    static_cast<void>(impl_.release());
    return;
  }
  if (!impl_->open) return;
  const bool passing = std::uncaught_exceptions() > impl_->exceptions;
  try {
    impl_->finish(passing ? Outcome::failure : Outcome::success, std::nullopt);
  } catch (const std::exception&) {  // no memory; the lease ends by itself
  }
}

bool ConditionContext::success() const noexcept { return fence() != 0; }

const Decision& ConditionContext::decision() const noexcept {
  static const Decision none;
  return impl_ ? impl_->decision : none;
}

std::int64_t ConditionContext::fence() const noexcept { return impl_ ? impl_->fence : 0; }

std::optional<Time> ConditionContext::last_success() const noexcept { return impl_ ? impl_->last_success : std::nullopt; }

bool ConditionContext::lost() const noexcept { return !success() || impl_->deadline->is_over(); }

std::string ConditionContext::lost_reason() const {
  if (!success()) return "";
  std::string why = impl_->lease.lost_because();
  // The context's thread may not have noticed yet.
  return why.empty() && impl_->open && lost() ? "the lease could not be renewed in time" : why;
}

std::chrono::milliseconds ConditionContext::remaining() const noexcept {
  return success() ? Deadline(impl_->deadline).remaining() : Millis(0);
}

Deadline ConditionContext::deadline() const {
  if (impl_) return Deadline(impl_->deadline);
  auto over = std::make_shared<Deadline::State>();
  over->over = true;
  return Deadline(std::move(over));
}

std::stop_token ConditionContext::stop_token() const noexcept {
  return impl_ ? impl_->lease.lost_token() : std::stop_token();
}

void ConditionContext::finish(Outcome outcome, std::optional<int> code) {
  Error error;
  finish(outcome, code, error);
  if (error) throw Exception(error);
}

void ConditionContext::finish(Outcome outcome, std::optional<int> code, Error& error) {
  error = success() ? impl_->finish(outcome, code) : Error();
}

}  // namespace condolock
