#include "engine/redis/storage_checks.hpp"

#include <cstdint>

#include "util/number.hpp"

namespace condolock::engine::redis {

namespace {

using Level = Finding::Level;

}  // namespace

Finding not_in_info(const std::string& check, const std::string& field, const ServerInfo& info) {
  if (!info.is_empty()) return {Level::unknown, check, "unknown, since INFO does not have " + field, ""};
  return {Level::unknown, check, "unknown, since this user may not call INFO", "run doctor as a user who may"};
}

std::optional<Finding> disk_error(const ServerInfo& info) {
  if (info["rdb_last_bgsave_status"] != "err" && info["aof_last_write_status"] != "err") return std::nullopt;
  return Finding{Level::error, "disk", "the server could not write to its disk, and may refuse all writes",
                 "read the server's log"};
}

Finding replicas(const ServerInfo& info) {
  const std::string number = info["connected_slaves"];
  return {Level::good, "replicas",
          number == "0"
              ? "none: while this server is down, no job runs; data that it loses is gone"
              : number + ", with a replication delay: a failover may lose the last writes, and a job may run twice",
          ""};
}

Finding append_only_file(const std::optional<std::string>& fsync) {
  if (!fsync) {
    return {Level::unknown, "persistence", "AOF; appendfsync is unknown, since this user may not call CONFIG GET",
            "run doctor as a user who may"};
  }
  if (*fsync == "always")
    return {Level::good, "persistence", "AOF with fsync at every write: a crash of the machine loses nothing", ""};
  if (*fsync == "everysec") {
    return {Level::good, "persistence", "AOF with fsync every second: a crash of the machine loses one second at most", ""};
  }
  return {Level::warning, "persistence", "AOF without fsync: a crash of the machine may lose the last 30 seconds",
          "set appendfsync everysec or always"};
}

Finding snapshots(const std::optional<std::string>& save) {
  const bool none = save && save->empty();
  return {Level::warning, "persistence",
          none ? "none: after a restart each job's next run counts as its first"
               : "snapshots only: a restart loses everything since the last one, and jobs may run again",
          "set appendonly yes"};
}

Finding eviction(const ServerInfo& info) {
  const std::string policy = info["maxmemory_policy"];
  const bool limited = info["maxmemory"] != "0";
  const auto used = util::parse_number<std::int64_t>(info["used_memory"]);
  const auto max = util::parse_number<std::int64_t>(info["maxmemory"]);
  if (policy == "noeviction" && limited && used && max && *used >= *max) {
    return {Level::error, "eviction", "none (noeviction), but memory is full: runs cannot start",
            "raise maxmemory, or remove other data"};
  }
  if (policy == "noeviction") return {Level::good, "eviction", "none (noeviction)", ""};
  if (policy.starts_with("volatile-")) {
    return {limited ? Level::warning : Level::good, "eviction",
            policy + (limited ? ": records are safe, but short-lived keys that make repeated requests safe can be evicted"
                              : ", but there is no maxmemory"),
            limited ? "set maxmemory-policy noeviction" : ""};
  }
  return {limited ? Level::error : Level::warning, "eviction",
          policy + (limited ? ": records and leases can be evicted, so jobs may run twice"
                            : " would evict records and leases if maxmemory were set"),
          "set maxmemory-policy noeviction, or use a separate server"};
}

}  // namespace condolock::engine::redis
