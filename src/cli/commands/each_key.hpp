// What the commands that change several keys have in common: unlock, reset.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/args/command_line.hpp"

namespace condolock::cli {

// Does `work` for one key after the other. A malformed record is told of and keeps nobody from the next; any other failure
// ends it, since it would be the same for all. The first failure's exit code, or ok.
int for_each_key(const CommandArguments& args, const Console& console,
                 const std::function<std::optional<engine::Failure>(const std::string& key)>& work);

}  // namespace condolock::cli
