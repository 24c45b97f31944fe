// What `list --prometheus` prints.
#pragma once

#include <string>
#include <vector>

#include "cli/output/status_output.hpp"

namespace condolock::cli {

// The Prometheus text format: one family per metric, with HELP and TYPE, without timestamps. The labels of a sample are the
// namespace and the key. The key is escaped as in all output (docs/output.md). A key without a value for a metric has no
// sample.
std::string list_prometheus(const std::vector<KeyStatus>& statuses, const std::string& ns);

}  // namespace condolock::cli
