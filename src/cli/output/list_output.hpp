// What `list` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/status_output.hpp"

namespace condolock::cli {

// A heading, and one line per key; empty if there are no keys to show.
std::string list_table(const std::vector<KeyStatus>& statuses, const Palette& palette);

}  // namespace condolock::cli
