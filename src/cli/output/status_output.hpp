// What `status` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/console.hpp"
#include "lock/record.hpp"

namespace condolock::cli {

struct KeyStatus {
  std::string key;
  lock::Record record;
  std::string error;  // why there is no record; empty: there is
};

std::string status_text(const std::vector<KeyStatus>& statuses, const Palette& palette);

// One document: {"schema": 1, "keys": [...]}. Every key of the format is always there, null where there is nothing to say; a
// time is {"ms": epoch milliseconds, "rfc3339": text}. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
std::string status_json(const std::vector<KeyStatus>& statuses);
// One key's part of it, in one line without its end.
std::string status_json(const KeyStatus& status);

}  // namespace condolock::cli
