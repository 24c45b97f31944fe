#include "cli/commands/child_environment.hpp"

#include <array>

#include "engine/redis/url.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

constexpr std::array<std::string_view, 5> replaced{
    "CONDOLOCK_KEY=", "CONDOLOCK_FENCE=", "CONDOLOCK_RUN_ID=", "CONDOLOCK_LAST_SUCCESS=", "CONDOLOCK_PASSWORD="};

bool is_replaced(std::string_view entry) {
  for (const std::string_view name : replaced) {
    if (entry.starts_with(name)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> child_environment(char** own, const std::string& key, const lock::Grant& grant,
                                           const std::string& run_id) {
  constexpr std::string_view url = "CONDOLOCK_URL=";
  std::vector<std::string> out;
  for (char** at = own; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    if (is_replaced(entry)) continue;
    if (entry.starts_with(url)) {
      out.push_back(std::string(url) + engine::redis::without_password(entry.substr(url.size())));
    } else {
      out.emplace_back(entry);
    }
  }
  out.push_back("CONDOLOCK_KEY=" + key);
  out.push_back("CONDOLOCK_FENCE=" + (grant.fence == 0 ? "" : std::to_string(grant.fence)));
  out.push_back("CONDOLOCK_RUN_ID=" + run_id);
  out.push_back("CONDOLOCK_LAST_SUCCESS=" + (grant.last_success ? util::format_seconds(*grant.last_success) : ""));
  return out;
}

}  // namespace condolock::cli
