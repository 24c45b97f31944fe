/// @file
/// Conditions: what must hold for a job to run.
///
/// They are plain data. Redis, or the `file:` engine, judges all of them in one atomic step, on its own clock. Durations are
/// whole milliseconds from 0 to 100 years. A key names a job of the same namespace and has 1 to 1,024 bytes. A value out of
/// range is reported as Errc::invalid when it is used.
///
/// Each condition is an option of `condolock run`: see condolock(1). A program and a crontab line can guard the same job.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace condolock {

/// Which end of a run MinTime counts from.
enum class From : std::uint8_t {
  end,   ///< when the last success ended
  start  ///< when the last success began
};

/// Holds if the last success ended (or began, see From) at least `n` ago, or if there is no success yet. `--min-time`
struct MinTime {
  std::chrono::milliseconds n{};  ///< how long ago at least
  From from = From::end;          ///< what it counts from
};

/// Holds if the last finished run of `key` succeeded and ended at most `time` ago. Fails if `key` has not run yet.
/// `time` is at least 1 ms. `--accessed-prior`
struct AccessedPrior {
  std::string key;                   ///< the other job
  std::chrono::milliseconds time{};  ///< how long ago at most
};

/// Holds if `key` has succeeded since this job's last success began. Before this job's first success, it holds if `key` ever
/// succeeded. `--after`
struct After {
  std::string key;  ///< the other job
};

/// Holds while nobody holds the lease of `key`. It works in one direction only: `key` may start while this job runs.
/// `--not-running`
struct NotRunning {
  std::string key;  ///< the other job
};

/// Holds if the last run did not fail, or ended at least `n` ago. `--retry-after`
struct RetryAfter {
  std::chrono::milliseconds n{};  ///< how long ago at least
};

/// Holds while fewer than `limit` runs in a row have failed. `limit` is 1 to 1,000,000. `--max-failures`
struct MaxFailures {
  std::int64_t limit = 1;  ///< so many failures in a row refuse the next run
};

/// Holds while fewer than `limit` runs with this condition began in the last `time`. `limit` is 1 to 1,000; `time` is at
/// least 1 ms. `--max-runs`
struct MaxRuns {
  std::int64_t limit = 1;            ///< so many runs refuse the next one
  std::chrono::milliseconds time{};  ///< the period in which they began
};

/// Holds while no run with this ID has succeeded. The ID has 1 to 64 bytes and is kept until the job is reset. Not with
/// several slots. `--once`
struct Once {
  std::string id;  ///< what must happen once only
};

/// Any of the conditions.
using Condition = std::variant<MinTime, AccessedPrior, After, NotRunning, RetryAfter, MaxFailures, MaxRuns, Once>;

}  // namespace condolock
