// What is remembered of a job, as status.lua reads it. The fields and their meaning are those of record.lua.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock {

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
  std::int64_t fails = 0;  // in a row
  std::int64_t skips = 0;  // since the last run
  std::int64_t runs = 0;
  std::int64_t failures = 0;
  std::optional<Paused> pause;
  std::vector<Holder> holders;
  std::int64_t slots = 1;  // of the holders

  // An expired holder counts as a lost run for every condition, though nothing is written down before the next grant.
  bool is_live(const Holder& holder) const { return holder.until > now; }
};

Call status_call(const Job& job);
Answered<Record> decode_record(const Reply& reply);

}  // namespace condolock
