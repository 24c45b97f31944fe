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
  std::string error;  // why the record cannot be read; empty: it was read
};

std::string status_text(const std::vector<KeyStatus>& statuses, const Palette& palette);

// One document: {"schema": 1, "keys": [...]}, see docs/output.md. A key has all members, with null for a missing value. A
// key whose record cannot be read has only "key" and "error". Bytes that are not UTF-8 become U+FFFD.
std::string status_json(const std::vector<KeyStatus>& statuses);
// One element of "keys", on one line and without a line feed.
std::string status_json(const KeyStatus& status);

// Says that the clock went back. `ahead`: see lock::Record::ahead.
std::string clock_went_back(Millis ahead);

}  // namespace condolock::cli
