// The protocol's verbs: how to call each script in src/lua/, and how to decode its reply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/engine.hpp"
#include "lock/condition.hpp"
#include "lock/job.hpp"

namespace condolock::lock {

// One attempt to run a job, as the engine knows it.
struct Attempt {
  Job job;
  std::string token;  // secret; names the attempt, so that every request is safe to repeat
  std::string who;    // "pid host", for people
  Millis lease{};
  std::optional<std::int64_t> history_limit;  // runs to keep in the history; none: as before, at first 20
  std::optional<Millis> forget_after = {};    // the record expires if it is unused for this long; 0: never; none: as before
  std::int64_t slots = 1;                     // how many may run at once: 1 to 1,000, the same for all runs of this job
  std::int64_t replicas = 0;                  // how many must confirm the grant, each renewal and the end; 0 on `file:`
  Needs needs;                                // of its conditions
};

// A granted lease. Times are milliseconds since 1970 on the engine's clock.
struct Grant {
  std::int64_t fence = 0;
  std::int64_t start = 0;
  std::optional<std::int64_t> last_success;  // when the last success began; none: no success yet
};

struct Held {
  std::string who;         // "pid host"; of several holders the one whose lease ends first
  Millis since{};          // how long the run has lasted
  Millis left{};           // time until the lease ends, unless it is renewed
  std::int64_t live = 1;   // number of live holders
  std::int64_t slots = 1;  // how many may run at once
};

struct Paused {
  std::optional<Millis> left;        // none: until a resume
  std::string why;                   // may be empty
  std::string by = {};               // the operator, see this_operator(); empty: unknown
  std::optional<Millis> since = {};  // time since the pause began
  bool all = false;                  // all jobs of the namespace are paused
};

struct Skipped {
  std::size_t position = 0;  // of the first condition that does not hold, counted from 0
  Verdict verdict;
  // "pid host" of a run that must end before the condition can hold: a run of the job that the condition names. Empty: none,
  // or unknown.
  std::string who = {};
};

// A malformed record or an unexpected reply is a Failure, not a Decision.
using Decision = std::variant<Grant, Held, Paused, Skipped>;

struct Verdicts {
  std::optional<Held> holder;  // none: a slot is free
  std::optional<Paused> pause;
  std::vector<Verdict> conditions;
  std::optional<Millis> ahead;  // see Record::ahead; of this job and of those that conditions name
};

enum class Renewal : std::uint8_t { renewed, reasserted, lost, revoked };
// The lease is gone, and the run must end.
constexpr bool is_gone(Renewal renewal) { return renewal == Renewal::lost || renewal == Renewal::revoked; }
enum class Recording : std::uint8_t { recorded, superseded };
enum class Outcome : std::uint8_t { success, failed, timeout, lost };
std::string_view name_of(Outcome outcome);

// How to ask for a lease.
struct AcquireOptions {
  bool forced = false;  // ignores a pause; the caller must also leave out the conditions
  bool counted = true;  // a refusal counts as a skip
  Millis patience{0};   // how long a refused caller will wait for a wake-up, at most; 0: not at all
};

// Where the arguments and the keys of the conditions begin in a call of acquire.
inline constexpr std::size_t first_condition_argument = 12;
inline constexpr std::size_t first_condition_key = 10;

// For every call here: the caller sets Call::deadline.
engine::Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions,
                          const AcquireOptions& options = {});
engine::Answered<Decision> decode_decision(const engine::Reply& reply, std::size_t conditions);

// Asks for the verdict on every condition, as a run with this number of slots would get it, and writes nothing. `forced`
// ignores a pause; the caller must also leave out the conditions.
engine::Call check_call(const Job& job, const std::vector<Condition>& conditions, std::int64_t slots = 1,
                        bool forced = false);
engine::Answered<Verdicts> decode_verdicts(const engine::Reply& reply, std::size_t conditions);

engine::Call renew_call(const Attempt& attempt, const Grant& grant);
engine::Answered<Renewal> decode_renewal(const engine::Reply& reply);
// The operator, if the reply is Renewal::revoked; empty: unknown.
std::string revoked_by(const engine::Reply& reply);

// `age`: how long ago the command ended.
engine::Call finish_call(const Attempt& attempt, const Grant& grant, Outcome outcome, int code, Millis age = Millis(0));
engine::Answered<Recording> decode_recording(const engine::Reply& reply);
// The failures in a row, this run's included, if the reply is Recording::recorded.
std::optional<std::int64_t> failures_in_a_row(const engine::Reply& reply);

// Releases the lease of a run whose command did not start. Its reply can be ignored: a lease that could not be released
// ends by itself.
engine::Call abandon_call(const Attempt& attempt);

// `length`: none for a pause until resume. `why` has at most 64 bytes.
engine::Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why);
engine::Call resume_call(const Job& job);
// Pauses all jobs of a namespace. resume_all ends that pause, but not the pause of a single job.
engine::Call pause_all_call(const std::string& ns, std::optional<Millis> length, const std::string& why);
engine::Call resume_all_call(const std::string& ns);
// After resume: whether the job was paused. After pause: whether it had a record before; true after pause_all_call.
engine::Answered<bool> decode_pause(const engine::Reply& reply);

// Revokes the leases of a job, or removes them with `at_once`. The result is the holder whose lease ends last. Its `live` is
// the number of revoked or removed leases. None: nobody held one. With `at_once`, its command may run for `left`.
engine::Call unlock_call(const Job& job, bool at_once);
engine::Answered<std::optional<Held>> decode_unlock(const engine::Reply& reply);

// Forgets the record of a job. Held: a lease is live, so nothing was forgotten. Otherwise: whether there was a record.
engine::Call reset_call(const Job& job);
engine::Answered<std::variant<bool, Held>> decode_reset(const engine::Reply& reply);
// Deletes the record of a job, its fence included, if it is idle, not paused, and has been unused for this long.
// decode_reset reads the reply: false if the record has been used since.
engine::Call prune_call(const Job& job, Millis unused_for);

// Records an outcome without a run. decode_recording reads the reply.
engine::Call touch_call(const Attempt& attempt, Outcome outcome, int code);

}  // namespace condolock::lock
