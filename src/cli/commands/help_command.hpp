// What the program says about itself, for the commands help and version and for the options --help and --version.
#pragma once

#include <string>

#include "cli/commands/commands.hpp"

namespace condolock::cli {

CommandResult program_help();
CommandResult program_version();

// nullptr: there is no such command.
const Command* find_command(const std::string& name);
CommandResult unknown_command(const std::string& name);

}  // namespace condolock::cli
