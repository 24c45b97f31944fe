// What `history` prints.
#pragma once

#include <string>

#include "cli/output/console.hpp"
#include "lock/record.hpp"

namespace condolock::cli {

// The durations as a line of bars, oldest first, and a table of the runs, newest first. Bars and marks are ASCII unless
// `unicode` is set: see has_unicode_locale.
std::string history_text(const std::string& key, const lock::History& history, const Palette& palette, bool unicode);

// One document: {"schema": 1, "key": ..., "runs": [...]}, see docs/output.md.
std::string history_json(const std::string& key, const lock::History& history);

// Whether the first of LC_ALL, LC_CTYPE and LANG that is set names UTF-8. The locale itself is never loaded, since that
// takes longer than a whole run.
bool has_unicode_locale();

}  // namespace condolock::cli
