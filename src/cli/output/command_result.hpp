// How a command ends: the exit code, and what there is still to print. A value, since a typo is nothing exceptional.
#pragma once

#include <string>

#include "engine/engine.hpp"
#include "exit_code.hpp"

namespace condolock::cli {

struct CommandResult {
  int exit_code = exit_code::ok;
  std::string error;   // for stderr, behind "condolock: error: "
  std::string output;  // for stdout
};

// What a failure is to a person, with the way out where there is one.
std::string describe(const engine::Failure& failure);
// A command that ends because of it.
CommandResult result_of(const engine::Failure& failure);

}  // namespace condolock::cli
