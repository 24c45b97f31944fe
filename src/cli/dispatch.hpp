// The whole program, except for its exit and the last catch.
#pragma once

#include <string>
#include <vector>

#include "cli/output/command_result.hpp"

namespace condolock::cli {

// Finds the command, runs it, and returns what is left to print. `arguments`: without the program's name.
CommandResult dispatch(const std::vector<std::string>& arguments);

}  // namespace condolock::cli
