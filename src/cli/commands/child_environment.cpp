#include "cli/commands/child_environment.hpp"

#include <array>

#include "engine/redis/url.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

// Includes the variables that an outer run has set for its command or its hook.
constexpr std::array<std::string_view, 9> replaced{
    "CONDOLOCK_KEY=",     "CONDOLOCK_FENCE=",     "CONDOLOCK_RUN_ID=",   "CONDOLOCK_LAST_SUCCESS=", "CONDOLOCK_PASSWORD=",
    "CONDOLOCK_OUTCOME=", "CONDOLOCK_EXIT_CODE=", "CONDOLOCK_FAILURES=", "CONDOLOCK_DURATION_MS="};

bool is_replaced(std::string_view entry) {
  for (const std::string_view name : replaced) {
    if (entry.starts_with(name)) return true;
  }
  return false;
}

// The part that the environments of the command and of a hook have in common.
std::vector<std::string> passed_on(char** own, const std::string& key, const std::string& run_id) {
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
  out.push_back("CONDOLOCK_RUN_ID=" + run_id);
  return out;
}

}  // namespace

std::vector<std::string> child_environment(char** own, const std::string& key, const lock::Grant& grant,
                                           const std::string& run_id) {
  std::vector<std::string> out = passed_on(own, key, run_id);
  out.push_back("CONDOLOCK_FENCE=" + (grant.fence == 0 ? "" : std::to_string(grant.fence)));
  out.push_back("CONDOLOCK_LAST_SUCCESS=" + (grant.last_success ? util::format_seconds(*grant.last_success) : ""));
  return out;
}

std::vector<std::string> hook_environment(char** own, const std::string& key, const std::string& run_id,
                                          const std::vector<std::string>& variables) {
  std::vector<std::string> out = passed_on(own, key, run_id);
  out.insert(out.end(), variables.begin(), variables.end());
  return out;
}

}  // namespace condolock::cli
