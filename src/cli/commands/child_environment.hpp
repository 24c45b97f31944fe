// The environments of the command and of a hook.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock::cli {

// Returns a copy of `own`, the environment of this process (ends with a null pointer), with these changes:
//   CONDOLOCK_KEY           added
//   CONDOLOCK_FENCE         added; empty without a lease
//   CONDOLOCK_RUN_ID        added; random, names this run in logs
//   CONDOLOCK_LAST_SUCCESS  added: when the last success began, in seconds since 1970 with three decimals, as `date -d @N`
//                           takes it; empty before the first success
//   CONDOLOCK_PASSWORD      removed
//   CONDOLOCK_URL           its password is removed
// The application's own REDIS_URL and REDISCLI_AUTH pass unchanged. The token is never passed on.
std::vector<std::string> child_environment(char** own, const std::string& key, const lock::Grant& grant,
                                           const std::string& run_id);

// For a hook: CONDOLOCK_KEY, CONDOLOCK_RUN_ID and these variables (NAME=value) are added, and the passwords are removed as
// above.
std::vector<std::string> hook_environment(char** own, const std::string& key, const std::string& run_id,
                                          const std::vector<std::string>& variables);

}  // namespace condolock::cli
