// The permissions that a Redis user needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace condolock::engine::redis {

// Every Redis command of the scripts, and BLPOP, EVAL, EVALSHA and ROLE; in capitals, sorted. AUTH, SELECT and the commands
// that only `doctor` sends are not included.
std::vector<std::string> used_commands();

// `command` with valid arguments, for ACL DRYRUN, on the first of `keys`; EVAL and EVALSHA take all of them. `keys` must not
// be empty. None: no sample for this command.
std::optional<std::vector<std::string>> sample_of(std::string_view command, const std::vector<std::string>& keys);

}  // namespace condolock::engine::redis
