#include "engine/redis/storage_checks.hpp"

#include <cstdint>

#include "util/number.hpp"

namespace condolock::engine::redis {

namespace {

using Level = Finding::Level;

}  // namespace

Finding not_in_info(const std::string& check, const std::string& field, const ServerInfo& info) {
  if (!info.is_empty()) return {Level::unknown, check, "not known, as INFO does not tell " + field, ""};
  return {Level::unknown, check, "not known, as this user may not call INFO", "let doctor run as one who may"};
}

std::optional<Finding> disk_error(const ServerInfo& info) {
  if (info["rdb_last_bgsave_status"] != "err" && info["aof_last_write_status"] != "err") return std::nullopt;
  return Finding{Level::error, "disk", "the server could not write to its disk, and may refuse all writes",
                 "see the server's log"};
}

Finding replicas(const ServerInfo& info) {
  const std::string number = info["connected_slaves"];
  return {
      Level::good, "replicas",
      number == "0"
          ? "none: while this server is away no job runs, and what it loses is lost"
          : number + ", which follow with a delay: a failover forgets what they did not have yet, and a job may run twice",
      ""};
}

Finding append_only_file(const std::optional<std::string>& fsync) {
  if (!fsync) {
    return {Level::unknown, "persistence", "AOF; how often it is synced is not known, as this user may not call CONFIG GET",
            "let doctor run as one who may"};
  }
  if (*fsync == "always") return {Level::good, "persistence", "AOF, synced at every write: nothing is lost", ""};
  if (*fsync == "everysec") {
    return {Level::good, "persistence", "AOF, synced every second: a crash of the machine forgets that much at most", ""};
  }
  return {Level::warning, "persistence",
          "AOF, synced when the kernel likes: a crash of the machine may forget half a minute",
          "set appendfsync everysec, or always"};
}

Finding snapshots(const std::optional<std::string>& save) {
  const bool none = save && save->empty();
  return {Level::warning, "persistence",
          none ? "none: after a restart everything is a first run"
               : "snapshots alone: a restart forgets what came since the last, and jobs may run again",
          "set appendonly yes"};
}

Finding eviction(const ServerInfo& info) {
  const std::string policy = info["maxmemory_policy"];
  const bool limited = info["maxmemory"] != "0";
  const auto used = util::parse_number<std::int64_t>(info["used_memory"]);
  const auto max = util::parse_number<std::int64_t>(info["maxmemory"]);
  if (policy == "noeviction" && limited && used && max && *used >= *max) {
    return {Level::error, "eviction", "none (noeviction), and the memory is full: no run is granted",
            "raise maxmemory, or remove what else is there"};
  }
  if (policy == "noeviction") return {Level::good, "eviction", "none (noeviction)", ""};
  if (policy.starts_with("volatile-")) {
    return {limited ? Level::warning : Level::good, "eviction",
            policy + (limited ? ": records are safe, but the answers that late requests are given again may go"
                              : ", but there is no maxmemory"),
            limited ? "set maxmemory-policy noeviction" : ""};
  }
  return {limited ? Level::error : Level::warning, "eviction",
          policy + (limited ? ": records and leases can be evicted, and then jobs run twice"
                            : " would evict records and leases; only as there is no maxmemory it does not"),
          "set maxmemory-policy noeviction, or use a server of its own"};
}

}  // namespace condolock::engine::redis
