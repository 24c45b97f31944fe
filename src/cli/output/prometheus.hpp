// What `list --prometheus` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/status_output.hpp"

namespace condolock::cli {

// Prometheus' text format: a family for each figure, with a HELP and a TYPE, no timestamps. A sample's labels are the
// namespace and the key, the latter escaped as everywhere (docs/output.md). What a key has no figure for it has no sample
// for.
std::string list_prometheus(const std::vector<KeyStatus>& statuses, const std::string& ns);

}  // namespace condolock::cli
