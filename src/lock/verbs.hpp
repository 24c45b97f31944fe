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

namespace condolock::lock {

// One attempt to run a job, as the engine knows it.
struct Attempt {
  Job job;
  std::string token;  // secret; names the attempt, so that every request is safe to repeat
  std::string who;    // "pid host", for people
  Millis lease{};
  std::optional<std::int64_t> history_limit = 20;  // rows of history; none: as many as there are, 20 at least
  std::int64_t slots = 1;  // how many may run at once: 1 to 1,000, the same for everybody who runs this job
  Needs needs;             // of its conditions
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
using Decision = std::variant<Grant, Held, Paused, Skipped>;

struct Verdicts {
  std::optional<Held> holder;  // none: a slot is free
  std::optional<Paused> pause;
  std::vector<Verdict> conditions;
};

enum class Renewal : std::uint8_t { renewed, reasserted, lost };
enum class Recording : std::uint8_t { recorded, superseded };
enum class Outcome : std::uint8_t { success, failed, timeout, lost };
std::string_view name_of(Outcome outcome);

// How acquire asks.
struct AcquireOptions {
  bool forced = false;  // goes through a pause; conditions are simply left out then
  bool counted = true;  // a refusal counts as a skip
  Millis patience{0};   // where it is refused, it will be waited so long at most to be woken
};

// Deadlines are the caller's to set.
engine::Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions,
                          const AcquireOptions& asking = {});
engine::Answered<Decision> decode_decision(const engine::Reply& reply, std::size_t conditions);

// The same question, asked without any effect.
engine::Call check_call(const Job& job, const std::vector<Condition>& conditions);
engine::Answered<Verdicts> decode_verdicts(const engine::Reply& reply, std::size_t conditions);

engine::Call renew_call(const Attempt& attempt, const Grant& grant);
engine::Answered<Renewal> decode_renewal(const engine::Reply& reply);

engine::Call finish_call(const Attempt& attempt, const Grant& grant, Outcome outcome, int code);
engine::Answered<Recording> decode_recording(const engine::Reply& reply);

// Whatever it answers, there is nothing to do about it: a lease that could not be given back ends by itself.
engine::Call abandon_call(const Attempt& attempt);

// None: until resume. The reason has at most 64 bytes.
engine::Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why);
engine::Call resume_call(const Job& job);
// Whether it was paused; of pause, whether it is.
engine::Answered<bool> decode_pause(const engine::Reply& reply);

// Whose lease was revoked, or with `at_once` removed: the holder's whose lease ends last, and how many they were (`live`);
// none: nobody held one.
engine::Call unlock_call(const Job& job, bool at_once);
engine::Answered<std::optional<Held>> decode_unlock(const engine::Reply& reply);

// Held: by whom, and how many they are; then nothing was forgotten. Else whether there was anything to forget.
engine::Call reset_call(const Job& job);
engine::Answered<std::variant<bool, Held>> decode_reset(const engine::Reply& reply);

engine::Call touch_call(const Attempt& attempt, Outcome outcome, int code);

}  // namespace condolock::lock
