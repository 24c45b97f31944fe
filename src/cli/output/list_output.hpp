// What `list` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/status_output.hpp"
#include "cli/output/table.hpp"

namespace condolock::cli {

// A heading, and one line per key; empty if there are no keys to show.
std::string list_table(const std::vector<KeyStatus>& statuses, const Palette& palette, const Fit& fit = {});

}  // namespace condolock::cli
