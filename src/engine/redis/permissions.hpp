// The permissions that a Redis user needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/finding.hpp"

namespace condolock::engine::redis {

// Every Redis command of the scripts, and BLPOP, EVAL, EVALSHA and ROLE; in capitals, sorted. SELECT, WAIT and the commands
// that only `doctor` sends are not included; every user may call AUTH and HELLO.
std::vector<std::string> used_commands();

// `command` with valid arguments, to ask whether the user may call it on the first of `keys`. EVAL and EVALSHA take all of
// `keys`, which must not be empty. None: no sample for this command.
std::optional<std::vector<std::string>> sample_of(std::string_view command, const std::vector<std::string>& keys);

struct Missing {
  std::string commands;        // the used_commands() that the user may not call, separated by spaces
  bool keys = false;           // the user may not use the keys
  bool takes_pattern = false;  // Redis accepts a pattern of keys for this user: it refuses one in addition to ~*
};

// `ask` must be connected as that user. Asks by ACL DRYRUN. If the server is too old for that, or the user may not call it,
// this tries each command on `scratch_key` and deletes that key at the end.
Missing missing_rights(const Ask& ask, const std::string& user, const std::vector<std::string>& keys,
                       const std::string& scratch_key);

// used_commands() and SELECT, as ACL SETUSER takes them: " +blpop +del ..."
std::string needed_rights();

}  // namespace condolock::engine::redis
