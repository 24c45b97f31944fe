/// @file
/// ConditionalLock: the conditions under which a job may run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "condolock/conditions.hpp"
#include "condolock/engine.hpp"
#include "condolock/error.hpp"
#include "condolock/export.hpp"

namespace condolock {

/// One condition, and whether it holds.
struct Verdict {
  std::string condition;                           ///< as an option: "--min-time 5m"; a predicate: its name
  bool holds = false;                              ///< whether it holds now
  std::string text;                                ///< in words: "last success 2m10s ago, needs 5m (due in 2m50s)"
  std::optional<std::chrono::milliseconds> since;  ///< age of the event that was judged; none: there was none
  std::optional<std::chrono::milliseconds> due;    ///< time until it holds; none: unknown
};

/// The answer to ConditionalLock::check().
struct Check {
  bool would_run = false;         ///< all conditions hold, the job is not paused, and a slot is free
  std::vector<Verdict> verdicts;  ///< in the order in which the conditions were added
  std::optional<Pause> pause;     ///< of the job, or of all jobs
  bool busy = false;              ///< no slot is free
  std::string text;               ///< why it would not run, in words; empty: it would
};

/// The conditions under which a job may run, and the Engine that judges them.
///
/// A ConditionContext copies it, so it may be changed or destroyed afterwards. Several threads may use the same one, as long
/// as none of them changes it.
class CONDOLOCK_API ConditionalLock {
 public:
  /// A lock without conditions: only the lease and pauses count.
  explicit ConditionalLock(const Engine& engine);
  ConditionalLock(const ConditionalLock& other);                 ///< copies the conditions
  ConditionalLock(ConditionalLock&& other) noexcept;             ///< `other` can only be assigned to, or destroyed
  ConditionalLock& operator=(const ConditionalLock& other);      ///< copies the conditions
  ConditionalLock& operator=(ConditionalLock&& other) noexcept;  ///< `other` can only be assigned to, or destroyed
  ~ConditionalLock();

  /// Adds a condition: all of them must hold. AccessedPrior, After and NotRunning may be added several times, with different
  /// keys; of the others the last one counts.
  ConditionalLock& add(Condition condition);

  /// Adds a condition of your own. `holds` is called on the thread that constructs the context, immediately before each
  /// atomic step, and by check(). Its answer is sent with the step and counted there like any other, so a refusal shows in
  /// `condolock status` under `name` (1 to 40 bytes). It is not atomic: what it looked at may have changed when the run
  /// begins. A wait asks it again. What it throws passes through to the caller, and nothing is acquired. Threads that share
  /// the lock call it at the same time.
  ConditionalLock& add(std::function<bool()> holds, std::string name = "predicate");

  /// Whether a run of `key` with so many slots would start now, and which conditions hold. Writes nothing.
  Check check(std::string_view key, std::int64_t slots = 1) const;
  /// The same; sets `error` instead of throwing, and returns an empty value then.
  Check check(std::string_view key, std::int64_t slots, Error& error) const;

  /// @cond the library's own
  struct CONDOLOCK_HIDDEN Impl;
  const Impl& impl() const { return *impl_; }
  /// @endcond

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace condolock
