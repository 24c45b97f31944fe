// The protocol's verbs: how each is asked of an engine, and what its answer means. The other side is src/lua/.
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

namespace condolock {

// One attempt to run a job, as the engine knows it.
struct Attempt {
  Job job;
  std::string token;  // secret; names the attempt, so that every request is safe to repeat
  std::string who;    // "pid host", for people
  Millis lease{};
  std::optional<std::int64_t> keep = 20;  // rows of history; none: as many as there are, 20 at least
  std::int64_t slots = 1;                 // how many may run at once: 1 to 1,000, the same for everybody who runs this job
  std::optional<std::int64_t> starts;     // remember this start and so many before it, for MaxRuns
  std::string once;                       // a success is remembered by this ID, for Once; may be empty
};

// What a grant gave. The times are the engine's, in milliseconds since 1970.
struct Grant {
  std::int64_t fence = 0;
  std::int64_t start = 0;
  std::optional<std::int64_t> last_success;  // when it began
};

struct Held {
  std::string who;
  Millis since{};
  Millis left{};           // until its lease ends, unless it is renewed
  std::int64_t live = 1;   // how many hold a lease
  std::int64_t slots = 1;  // ... of so many
};

struct Paused {
  std::optional<Millis> left;  // none: until somebody resumes it
  std::string why;             // may be empty
};

struct Skipped {
  std::size_t position = 0;  // of the condition, from 0
  Verdict verdict;
};

// A Failure is also what a malformed record or a reply that has no place here becomes.
using Decision = std::variant<Grant, Held, Paused, Skipped, Failure>;

struct Verdicts {
  std::optional<Held> holder;  // none: a slot is free
  std::optional<Paused> pause;
  std::vector<Verdict> conditions;
};

enum class Renewal : std::uint8_t { renewed, reasserted, lost };
enum class Recording : std::uint8_t { recorded, superseded };
enum class Outcome : std::uint8_t { success, failed, timeout, lost };
std::string_view name_of(Outcome outcome);

template <class T>
using Answered = std::variant<T, Failure>;

// How acquire asks.
struct Asking {
  bool forced = false;  // goes through a pause; conditions are simply left out then
  bool counted = true;  // a refusal counts as a skip
  Millis patience{0};   // where it is refused, it will be waited so long at most to be woken
};

// Deadlines are the caller's to set.
Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions, const Asking& asking = {});
Decision decode_decision(const Reply& reply, std::size_t conditions);

// The same question, asked without any effect.
Call check_call(const Job& job, const std::vector<Condition>& conditions);
Answered<Verdicts> decode_verdicts(const Reply& reply, std::size_t conditions);

Call renew_call(const Attempt& attempt, const Grant& grant);
Answered<Renewal> decode_renewal(const Reply& reply);

Call finish_call(const Attempt& attempt, const Grant& grant, Outcome outcome, int code);
Answered<Recording> decode_recording(const Reply& reply);

// Whatever it answers, there is nothing to do about it: a lease that could not be given back ends by itself.
Call abandon_call(const Attempt& attempt);

// None: until resume. The reason has at most 64 bytes.
Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why);
Call resume_call(const Job& job);
// Whether it was paused; of pause, whether it is.
Answered<bool> decode_pause(const Reply& reply);

// Whose lease was revoked, or with `at_once` removed: the holder's whose lease ends last, and how many they were (`live`);
// none: nobody held one.
Call unlock_call(const Job& job, bool at_once);
Answered<std::optional<Held>> decode_unlock(const Reply& reply);

// Held: by whom, and how many they are; then nothing was forgotten. Else whether there was anything to forget.
Call reset_call(const Job& job);
Answered<std::variant<bool, Held>> decode_reset(const Reply& reply);

Call touch_call(const Attempt& attempt, Outcome outcome, int code);

}  // namespace condolock
