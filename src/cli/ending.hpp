// How a command ends: the exit code, and what there is still to print. A value, since a typo is nothing exceptional.
#pragma once

#include <string>

#include "run/exit_code.hpp"

namespace condolock::cli {

struct Ending {
  int exit_code = exit_code::ok;
  std::string error;   // for stderr, behind "condolock: error: "
  std::string output;  // for stdout
};

}  // namespace condolock::cli
