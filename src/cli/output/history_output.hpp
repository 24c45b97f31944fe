// What `history` prints.
#pragma once

#include <string>

#include "cli/output/console.hpp"
#include "lock/record.hpp"

namespace condolock::cli {

// How long the runs took, as a line of bars with the oldest first, and a table with the newest first. Bars and marks are
// ASCII where the environment's locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8.
std::string history_text(const std::string& key, const lock::History& history, const Palette& palette, bool unicode);

// One document: {"schema": 1, "key": ..., "runs": [...]}, see docs/output.md.
std::string history_json(const std::string& key, const lock::History& history);

// Whether text beyond ASCII can be shown. The locale itself is never loaded: that takes longer than a whole run.
bool has_unicode_locale();

}  // namespace condolock::cli
