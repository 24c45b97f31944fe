// Shared by the commands that change several keys: pause, resume, unlock, reset.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/args/command_line.hpp"

namespace condolock::cli {

// Calls `work` for each key, and prints each failure. After a malformed record it goes on with the next key. It stops at any
// other failure, since the next key would fail the same way. Returns the first failure's exit code, or ok.
int for_each_key(const CommandArguments& args, const Console& console,
                 const std::function<std::optional<engine::Failure>(const std::string& key)>& work);

}  // namespace condolock::cli
