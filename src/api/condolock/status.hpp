/// @file
/// What is known of a job: its record and its history.
///
/// All times are those of the engine's clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace condolock {

/// A time of day, in milliseconds, on the engine's clock.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// A live run, or one that did not say how it ended before its lease did.
struct Holder {
  std::string who;     ///< "pid host"
  Time since;          ///< when the run began
  Time until;          ///< when its lease ends unless it is renewed; in the past: it is not known how it ended
  std::int64_t fence;  ///< its fencing token
  bool revoked;        ///< an operator has revoked the lease; its holder stops
};

/// A pause by an operator.
struct Pause {
  std::optional<std::chrono::milliseconds> left;  ///< none: until somebody resumes the job
  std::string reason;                             ///< may be empty
  std::string by;                                 ///< "user@host"; empty: unknown
  bool all;                                       ///< all jobs of the namespace are paused, not only this one
};

/// The last refusal.
struct LastSkip {
  Time at;          ///< when
  std::string who;  ///< "pid host" that was refused
  std::string why;  ///< in words: "last success 2m10s ago, needs 5m"
};

/// The record of a job.
struct JobStatus {
  std::string key;     ///< of the job
  Time now;            ///< when the engine read it
  bool known = false;  ///< false: there is no record, and the rest is empty

  std::optional<std::int64_t> fence;       ///< of the last run that began
  std::optional<Time> last_success_start;  ///< what MinTime with From::start counts from
  std::optional<Time> last_success_end;    ///< what MinTime counts from
  std::optional<Time> last_end;            ///< of the last run that ended
  std::string last_outcome;                ///< of that run: "success", "failed", "timeout" or "lost"; empty: none has ended
  std::optional<std::int64_t> last_code;   ///< its exit code
  std::int64_t failures_in_a_row = 0;      ///< since the last success
  std::int64_t skips = 0;                  ///< since the last run
  std::int64_t runs = 0;                   ///< that ended
  std::int64_t failures = 0;               ///< those of the runs that failed
  std::optional<LastSkip> last_skip;       ///< none: no run was refused yet
  std::optional<Pause> pause;              ///< of the job, or of all jobs
  std::vector<Holder> holders;             ///< more than one only with slots
  std::int64_t slots = 1;                  ///< of the holders

  /// How many holders have a lease that has not ended.
  std::int64_t live() const {
    std::int64_t count = 0;
    for (const Holder& holder : holders) count += holder.until > now ? 1 : 0;
    return count;
  }
};

/// One run of a job that has ended.
struct PastRun {
  std::int64_t fence;                ///< 0: recorded by touch
  Time start;                        ///< when it began
  Time end;                          ///< when it ended
  std::string outcome;               ///< as JobStatus::last_outcome
  std::optional<std::int64_t> code;  ///< its exit code; none: it was lost
  std::string who;                   ///< "pid host"
};

}  // namespace condolock
