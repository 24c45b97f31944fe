// The permissions that a Redis user needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/finding.hpp"

namespace condolock::engine::redis {

// Every Redis command of the scripts, and BLPOP, EVAL, EVALSHA and ROLE; in capitals, sorted. AUTH, SELECT and the commands
// that only `doctor` sends are not included.
std::vector<std::string> used_commands();

// `command` with valid arguments, to ask whether the user may call it, on the first of `keys`; EVAL and EVALSHA take all of
// them. `keys` must not be empty. None: no sample for this command.
std::optional<std::vector<std::string>> sample_of(std::string_view command, const std::vector<std::string>& keys);

// Those of used_commands() that the user, as whom `ask` is connected, may not call, separated by spaces. Asks by ACL DRYRUN.
// An older server, or a user who may not call that, is tried with the command itself on `scratch_key`, which is deleted at
// the end.
std::string missing_commands(const Ask& ask, const std::string& user, const std::vector<std::string>& keys,
                             const std::string& scratch_key);

// used_commands() as ACL SETUSER takes them: " +blpop +del ..."
std::string needed_rights();

}  // namespace condolock::engine::redis
