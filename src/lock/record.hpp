// What the engine remembers: the records of jobs (status.lua), the last runs of a job (history.lua), and the names of all
// jobs (list.lua). record.lua defines the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock::lock {

// Times are milliseconds since 1970 on the engine's clock. Durations are milliseconds.

// What an operator did, and when.
struct Intervention {
  std::string by;  // see this_operator(); empty: unknown
  std::int64_t at = 0;
};

struct Refusal {
  std::int64_t at = 0;
  std::string who;  // "pid host" of the refused run
  std::string why;  // in words, escaped: "last success 2m10s ago, needs 5m"
};

struct Holder {
  std::string who;         // "pid host"
  std::int64_t until = 0;  // when the lease ends
  std::int64_t fence = 0;
  std::int64_t start = 0;
  std::optional<Intervention> revoked = {};
};

struct Record {
  std::int64_t now = 0;  // when the engine read it
  bool known = false;    // false: the engine has no record of this job, and the other fields are empty
  std::optional<std::int64_t> fence;
  std::optional<std::int64_t> success_start;
  std::optional<std::int64_t> success_end;
  std::optional<std::int64_t> ended;
  std::string outcome;  // of the last run; empty: no run has ended
  std::optional<std::int64_t> code;
  std::optional<std::int64_t> took;
  std::optional<Intervention> revoked;  // the operator who had revoked or removed the lease of the last run; none: nobody
  std::optional<std::int64_t> failed_at;
  std::int64_t failures_in_a_row = 0;
  std::int64_t skips = 0;     // since the last run
  std::int64_t refusals = 0;  // ever
  std::optional<Refusal> last_refusal;
  std::int64_t runs = 0;
  std::int64_t failures = 0;
  std::optional<Millis> forget_after;  // see Attempt::forget_after
  std::optional<Paused> pause;         // of the job or of all jobs, whichever ends later
  // unlock --now removed a lease that would have ended at `freed_until`. Its command may still run.
  std::optional<std::int64_t> freed_until;
  Intervention freed;
  std::vector<Holder> holders;
  std::int64_t slots = 1;  // --slots of the holders
  // How far the furthest time on record lies in the future; none: no time does. A time in the future means that the engine's
  // clock went back. Such a time is read as now, and the next run stores it as now.
  std::optional<Millis> ahead;

  // Every condition counts an expired holder as a lost run. The engine records that run only with the next grant.
  bool is_live(const Holder& holder) const { return holder.until > now; }
  // Number of live holders.
  std::int64_t live() const;
};

// Largest number of keys in one records_call. It keeps the server busy for a few milliseconds.
inline constexpr std::size_t max_records = 200;

// Reads the records of at most max_records keys. decode_records returns one entry per key, in the order of `keys`: the
// record, or why it cannot be read. A long answer ends early, after at least one entry. Ask again for the other keys.
engine::Call records_call(const std::string& ns, const std::vector<std::string>& keys);
engine::Answered<std::vector<engine::Answered<Record>>> decode_records(const engine::Reply& reply, std::size_t keys);
// The pause of all jobs, from the reply to a records_call, which may ask for no keys at all.
engine::Answered<std::optional<Paused>> decode_pause_of_all(const engine::Reply& reply);

struct Names {
  // Where to continue. Its contents mean nothing to the caller.
  struct Position {
    std::string score = "-inf";
    std::string after;
  };

  std::vector<std::string> keys;
  std::int64_t expired = 0;   // how many names were left out because their records have expired
  std::int64_t too_long = 0;  // how many names were left out because they have more than longest_key bytes
  Position next;

  bool are_last() const { return next.score.empty(); }
};

// Reads the names of all jobs, at most `portion` at a time. Repeat the call with `from` = Names::next until the last names
// have come. A job that exists all the time is returned at least once, and sometimes twice.
engine::Call names_call(const std::string& ns, const Names::Position& from = {}, std::int64_t portion = 1000);
engine::Answered<Names> decode_names(const engine::Reply& reply);

struct HistoryEntry {
  std::int64_t fence = 0;  // 0: recorded by touch
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::string outcome;
  std::optional<std::int64_t> code;
  std::string who;
};

struct History {
  std::int64_t now = 0;
  bool known = false;              // see Record::known
  std::vector<HistoryEntry> runs;  // newest first
};

engine::Call history_call(const Job& job, std::int64_t limit);
engine::Answered<History> decode_history(const engine::Reply& reply, const Job& job);

}  // namespace condolock::lock
