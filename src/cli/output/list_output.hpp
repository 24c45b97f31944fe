// What `list` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/status_output.hpp"

namespace condolock::cli {

// A line for each key, with a heading.
std::string list_table(const std::vector<KeyStatus>& statuses, const Palette& palette);

}  // namespace condolock::cli
