// What `list --prometheus` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output/status_output.hpp"

namespace condolock::cli {

// The Prometheus text format: one family per metric, with HELP and TYPE, without timestamps. The labels of a sample are the
// namespace and the key. The key is escaped as in all output (docs/output.md). A key without a value for a metric has no
// sample.
struct Scrape {
  std::string ns;
  bool all_paused = false;  // see pause --all
  std::int64_t at = 0;      // milliseconds since 1970, by this machine's clock
};
std::string list_prometheus(const std::vector<KeyStatus>& statuses, const Scrape& scrape);

}  // namespace condolock::cli
