// The reply to INFO.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace condolock::engine::redis {

class ServerInfo {
 public:
  ServerInfo() = default;
  explicit ServerInfo(std::string_view reply);

  bool is_empty() const { return fields_.empty(); }
  // A field, escaped; empty if INFO does not have it.
  std::string operator[](const std::string& name) const;

  bool is_valkey() const { return !(*this)["valkey_version"].empty(); }
  // "7.0.15". For Valkey its own version, not that of the Redis that it is compatible with.
  std::string version() const { return (*this)[is_valkey() ? "valkey_version" : "redis_version"]; }
  // True if the server lacks commands that the scripts need.
  bool is_too_old() const;
  // Valkey 8 calls the field server_mode.
  bool is_sentinel() const { return (*this)["redis_mode"] == "sentinel" || (*this)["server_mode"] == "sentinel"; }
  // The name of the first primary that a Sentinel watches; empty: none.
  std::string watched_primary() const;

 private:
  std::map<std::string, std::string> fields_;
};

}  // namespace condolock::engine::redis
