/// @file
/// ConditionContext: one run of a job, in this program.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "condolock/conditional_lock.hpp"
#include "condolock/error.hpp"
#include "condolock/export.hpp"

namespace condolock {

/// How long to wait for the conditions and for the lease.
class CONDOLOCK_API Wait {
 public:
  /// Not at all.
  Wait() = default;
  /// For `length`, from the constructor of the context on; 0 or less: not at all. More than 100 years count as 100 years.
  template <class Rep, class Period>
  Wait(std::chrono::duration<Rep, Period> length)  // NOLINT(google-explicit-constructor): options.wait = 5min
      : length_(saturated(length)) {}
  /// Until a time on the steady clock. A time in the past: not at all.
  Wait(std::chrono::steady_clock::time_point until) : until_(until) {}  // NOLINT(google-explicit-constructor)
  /// Without an end. ContextOptions::stop ends it.
  static Wait forever();

  /// How much of it is left now; none: it has no end.
  std::optional<std::chrono::milliseconds> left() const;

 private:
  template <class Length>
  static std::chrono::milliseconds saturated(Length length) {
    constexpr std::chrono::hours longest(876600);
    if (std::chrono::duration<double>(length) >= longest) return longest;
    return length > Length::zero() ? std::chrono::ceil<std::chrono::milliseconds>(length) : std::chrono::milliseconds(0);
  }

  std::optional<std::chrono::milliseconds> length_{0};
  std::optional<std::chrono::steady_clock::time_point> until_;
};

/// How to run.
struct ContextOptions {
  /// How long the lease lasts unless it is renewed; at least 1 s. It is renewed every sixth of that. The shorter it is, the
  /// sooner another run may begin after this program has died, and the shorter an outage of the server it survives.
  std::chrono::milliseconds lease{std::chrono::seconds(60)};
  Wait wait{};             ///< not at all by default
  std::stop_token stop{};  ///< ends the wait: Decision::Kind::cancelled
  std::int64_t slots = 1;  ///< how many runs of the job there may be at once, the same for all of them; 1 to 1,000
  bool force = false;      ///< ignores conditions, predicates and pauses, never the lease
  /// How long the work may go on after lost() has turned true. It is at most a quarter of the lease.
  std::chrono::milliseconds grace{std::chrono::seconds(10)};
  /// How long finish() and the destructor try to record the end. One whole exchange with the server is tried in any case: a
  /// fifth of ConnectOptions::timeout.
  std::chrono::milliseconds record_timeout{std::chrono::seconds(30)};
  /// How many replicas must confirm the grant, each renewal and the end; 0 to 100, and 0 with `file:`. Too few after the
  /// grant: Decision::Kind::failed with Errc::write_refused. Too few after a renewal: as if there was no answer.
  std::int64_t wait_replicas = 0;
  std::optional<std::int64_t> history{};                    ///< how many runs the job keeps, 0 to 10,000; none: as before
  std::optional<std::chrono::milliseconds> forget_after{};  ///< `--forget-after`; 0: never; none: as before
};

/// The engine's decision.
struct Decision {
  /// The kinds of decisions.
  enum class Kind : std::uint8_t {
    granted,    ///< the work may begin
    held,       ///< no slot is free
    paused,     ///< by an operator
    skipped,    ///< a condition or a predicate does not hold
    cancelled,  ///< ContextOptions::stop was requested first
    failed      ///< there is no decision: see the Error
  };
  Kind kind = Kind::failed;  ///< what it is
  std::string text;          ///< why not, in words, as `condolock run -v` prints it; empty: granted, or arguments
                             ///< that were refused
  std::optional<std::chrono::milliseconds> due;  ///< skipped: time until the condition holds; none: unknown
  std::optional<std::size_t> condition;          ///< skipped: its position in the ConditionalLock, from 0
};

/// Until when the work may go on. It moves with each renewal of the lease, and may be used after the context is gone.
///
/// A time on CLOCK_BOOTTIME, which goes on while the machine is suspended, as the lease does.
class CONDOLOCK_API Deadline {
 public:
  /// Whether lost() of the context is true, or the context has ended.
  bool expired() const noexcept;
  /// Time until then, if no renewal succeeds before; 0 when expired. As a timeout for calls of your own.
  std::chrono::milliseconds remaining() const noexcept;

  /// @cond the library's own
  struct CONDOLOCK_HIDDEN State;
  explicit Deadline(std::shared_ptr<State> state) : state_(std::move(state)) {}
  /// @endcond

 private:
  std::shared_ptr<State> state_;
};

/// One run of a job, in this program.
///
/// @code
/// using namespace std::chrono_literals;
/// auto engine = condolock::connect("redis://localhost:6379/0");
/// condolock::ConditionalLock lock(*engine);
/// lock.add(condolock::MinTime{300s}).add(condolock::AccessedPrior{"checking", 300s});
/// condolock::ConditionContext context("backup", lock);
/// if (context.success()) work();
/// @endcode
///
/// The constructor asks for the job's lease, and waits for it if it is told to. If it is granted, a thread and a connection
/// of the context's own renew it until the end. The end is finish(), or leaving the scope: without finish(), a success is
/// recorded, or a failure if an exception is passing.
///
/// The work runs in this program, so nobody can stop it from outside. It has to look at lost(), or take stop_token():
/// another run may begin when ContextOptions::grace is over. Some work can't be stopped in time, such as a request that is
/// on its way. For that, pass fence() along with each write, and let the resource refuse a smaller one than it has seen.
///
/// All const members may be called from any thread. finish(), the destructor and a move need the context for themselves. The
/// context's thread blocks all signals. It calls nothing of yours except the callbacks of stop_token(). They must not throw,
/// finish or destroy the context, or wait for a thread that does.
///
/// A context that waits for the end of a run which itself waits for this program waits in vain: that is so under
/// `condolock run --key K` for the same key, and for a context of the same thread.
///
/// After fork(), the run stays the parent's: in the child lost() is true, finish() fails, and the destructor does nothing.
///
/// While it runs, a context needs four descriptors with a server, and seven with a directory; none after its end.
class CONDOLOCK_API ConditionContext {
 public:
  /// Asks for the lease of `key`, which has 1 to 1,024 bytes. Blocks for the wait, plus ConnectOptions::timeout at most,
  /// plus the time that predicates take. Throws Exception if there is no decision, and whatever a predicate throws.
  [[nodiscard]] ConditionContext(std::string_view key, const ConditionalLock& lock, const ContextOptions& options = {});
  /// The same, but sets `error` if there is no decision. Throws only what a predicate throws.
  [[nodiscard]] ConditionContext(std::string_view key, const ConditionalLock& lock, const ContextOptions& options,
                                 Error& error);
  /// The run goes over. What is left of `other` has no grant.
  ConditionContext(ConditionContext&& other) noexcept;
  ConditionContext& operator=(ConditionContext&& other) = delete;
  ConditionContext(const ConditionContext&) = delete;
  ConditionContext& operator=(const ConditionContext&) = delete;
  /// Ends the run, if it was granted and not finished. Throws nothing, and can't say whether the end was recorded: call
  /// finish() to know. Blocks as ContextOptions::record_timeout says.
  ~ConditionContext();

  /// Whether the lease was granted: do the work.
  bool success() const noexcept;
  explicit operator bool() const noexcept { return success(); }  ///< success()
  /// The decision, with the reason.
  const Decision& decision() const noexcept;
  /// The fencing token: greater than that of each earlier run of this job. 0: not granted.
  std::int64_t fence() const noexcept;
  /// When the last success of the job began, as `CONDOLOCK_LAST_SUCCESS`; none: there was none, or not granted.
  std::optional<Time> last_success() const noexcept;

  /// The lease is gone, or was not renewed in time: stop the work. True before another run can begin, by the lease's margin
  /// (1% of the lease for drifting clocks, and a tenth of it, 2 s at most) and by the grace; except after
  /// `condolock unlock --now`, which frees the lease at once. It stays true. Looks at the
  /// clock itself, so it does not depend on the context's thread. True also after finish(), and without a grant.
  bool lost() const noexcept;
  /// Why: "alice@web1 revoked the lease", "the lease could not be renewed in time"; empty: not lost.
  std::string lost_reason() const;
  /// Time until lost() turns true, unless a renewal succeeds before; 0 when lost.
  std::chrono::milliseconds remaining() const noexcept;
  /// The same as a value, for calls of your own.
  Deadline deadline() const;
  /// Requested by the context's thread when the lease is lost. A std::stop_callback on it runs on that thread. It may come a
  /// moment after lost(), since the thread has to be scheduled.
  std::stop_token stop_token() const noexcept;

  /// Ends the run and records how it went. `code`: the exit code of a failure, 1 to 255, for the record and the history.
  /// Without it, 1 is recorded. Does nothing without a grant. Blocks as ContextOptions::record_timeout says. Errors:
  /// Errc::lost; Errc::superseded; Errc::not_recorded; Errc::invalid, if it was finished before.
  void finish(Outcome outcome, std::optional<int> code = std::nullopt);
  /// The same; sets `error` instead of throwing.
  void finish(Outcome outcome, std::optional<int> code, Error& error);

 private:
  struct CONDOLOCK_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

/// The name under which the context was known at first.
using ConditionalContext = ConditionContext;

}  // namespace condolock
