// What a server keeps on disk and what it may lose, for `doctor`.
#pragma once

#include <optional>
#include <string>

#include "engine/finding.hpp"
#include "engine/redis/server_info.hpp"

namespace condolock::engine::redis {

// The finding for a check whose field is not in INFO.
Finding not_in_info(const std::string& check, const std::string& field, const ServerInfo& info);

// None: the server could write to its disk.
std::optional<Finding> disk_error(const ServerInfo& info);
Finding replicas(const ServerInfo& info);
// `fsync`, `save`: the server's settings of these names, escaped; none: not known.
Finding append_only_file(const std::optional<std::string>& fsync);
Finding snapshots(const std::optional<std::string>& save);
Finding eviction(const ServerInfo& info);

}  // namespace condolock::engine::redis
