// The words of a command line, split at the first `--` and not yet read.
#pragma once

#include <string>
#include <vector>

namespace condolock::cli {

struct RawArguments {
  std::vector<std::string> own;   // before the first `--`
  bool has_separator = false;     // whether there was a `--`
  std::vector<std::string> rest;  // after the first `--`
};

}  // namespace condolock::cli
