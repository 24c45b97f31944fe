// What is remembered: of jobs (status.lua), of one's last runs (history.lua), and of which jobs at all (list.lua). The
// fields and their meaning are those of record.lua.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock::lock {

// Times: milliseconds since 1970 on the engine's clock. Durations: milliseconds.
struct Holder {
  std::string who;
  std::int64_t until = 0;
  std::int64_t fence = 0;
  std::int64_t start = 0;
  bool revoked = false;
};

struct Record {
  std::int64_t now = 0;  // when it was read
  bool known = false;    // false: there is no record of this job, and the rest is empty
  std::optional<std::int64_t> fence;
  std::optional<std::int64_t> success_start;
  std::optional<std::int64_t> success_end;
  std::optional<std::int64_t> ended;
  std::string outcome;  // of the last run; empty: none has ended
  std::optional<std::int64_t> code;
  std::optional<std::int64_t> took;
  std::optional<std::int64_t> failed_at;
  std::int64_t failures_in_a_row = 0;  // in a row
  std::int64_t skips = 0;              // since the last run
  std::int64_t runs = 0;
  std::int64_t failures = 0;
  std::optional<Paused> pause;
  std::vector<Holder> holders;
  std::int64_t slots = 1;  // of the holders

  // An expired holder counts as a lost run for every condition, though nothing is written down before the next grant.
  bool is_live(const Holder& holder) const { return holder.until > now; }
  // How many of the holders are live.
  std::int64_t live() const;
};

// As many jobs at once as a server can be asked for without keeping others waiting: a few milliseconds.
inline constexpr std::size_t max_records = 200;

// The answer has the record of each key in turn, or why there is none to be had: of the first at least, and of as many as
// there is room for in one answer. At most most_records keys.
engine::Call records_call(const std::string& ns, const std::vector<std::string>& keys);
engine::Answered<std::vector<engine::Answered<Record>>> decode_records(const engine::Reply& reply, std::size_t keys);

struct Names {
  std::vector<std::string> keys;
  std::string on;  // where the next call begins; empty: these were the last
};

// Which jobs there are, in portions. Calls that go on until the end give every job that was there all the time, some twice.
engine::Call names_call(const std::string& ns, const std::string& from = "-inf", std::int64_t portion = 5000);
engine::Answered<Names> decode_names(const engine::Reply& reply);

struct HistoryEntry {
  std::int64_t fence = 0;  // 0: a touch
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::string outcome;
  std::optional<std::int64_t> code;
  std::string who;
};

struct History {
  std::int64_t now = 0;
  bool known = false;              // as Record::known
  std::vector<HistoryEntry> runs;  // newest first
};

engine::Call history_call(const Job& job, std::int64_t limit);
engine::Answered<History> decode_history(const engine::Reply& reply, const Job& job);

}  // namespace condolock::lock
