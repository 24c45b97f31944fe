// The whole program, except for its exit and the last catch.
#pragma once

#include <string>
#include <vector>

#include "cli/output/command_result.hpp"

namespace condolock::cli {

// Finds the command, runs it, and returns the exit code and the text to print. `arguments`: without the program's name. An
// exception is an internal error (70), which the caller reports.
CommandResult dispatch(const std::vector<std::string>& arguments);

}  // namespace condolock::cli
