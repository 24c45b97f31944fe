// The words of a command line, split at the first `--` and not yet read.
#pragma once

#include <string>
#include <vector>

namespace condolock::cli {

struct RawArguments {
  std::vector<std::string> own;   // before the first --
  bool has_separator = false;     // there was one
  std::vector<std::string> rest;  // behind it
};

}  // namespace condolock::cli
