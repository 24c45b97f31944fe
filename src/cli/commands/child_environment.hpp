// What the guarded command finds in its environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock::cli {

// Ours, with CONDOLOCK_KEY, CONDOLOCK_FENCE (empty without a lease), CONDOLOCK_RUN_ID (random, names this run in logs) and
// CONDOLOCK_LAST_SUCCESS (when the last success began, in seconds since 1970 with three decimals, as `date -d @N` takes it;
// empty before the first) added; without CONDOLOCK_PASSWORD, and with CONDOLOCK_URL without its password. The application's
// own REDIS_URL and REDISCLI_AUTH pass unchanged. The token is never in it.
std::vector<std::string> child_environment(char** own, const std::string& key, const lock::Grant& grant,
                                           const std::string& run_id);

}  // namespace condolock::cli
