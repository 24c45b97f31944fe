// What `history` prints.
#pragma once

#include <string>

#include "cli/output/console.hpp"
#include "lock/record.hpp"
#include "util/time_point.hpp"

namespace condolock::cli {

struct HistoryForm {
  Palette palette;
  bool unicode = false;  // else bars and marks are ASCII: see has_unicode_locale
  util::Zone zone = util::Zone::local;
};

// The durations as a line of bars, oldest first, and a table of the runs, newest first.
std::string history_text(const std::string& key, const lock::History& history, const HistoryForm& form);

// One document: {"schema": 1, "key": ..., "runs": [...]}, see docs/output.md.
std::string history_json(const std::string& key, const lock::History& history);

// A run of one of many keys.
struct KeyRun {
  std::string key;
  lock::HistoryEntry run;
};
// A table, in the order of `runs`; empty if there are none.
std::string history_text(const std::vector<KeyRun>& runs, const HistoryForm& form);
// One document: {"schema": 1, "runs": [{"key": ..., ...}]}.
std::string history_json(const std::vector<KeyRun>& runs);

// Whether the first of LC_ALL, LC_CTYPE and LANG that is set names UTF-8. The locale itself is never loaded, since that
// takes longer than a whole run.
bool has_unicode_locale();

}  // namespace condolock::cli
