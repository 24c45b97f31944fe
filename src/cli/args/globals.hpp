// The options that every command takes, and what they make: a console and an engine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/args/options.hpp"
#include "cli/output/console.hpp"
#include "engine/open.hpp"

namespace condolock::cli {

struct Globals {
  engine::Location location;
  std::string user;
  std::string password_file;
  Millis redis_timeout{5000};
  std::optional<std::string> config;  // the file; none: the one that there is, if any
  std::string ns = "condolock";
  bool quiet = false;
  bool verbose = false;
  bool help = false;
};

void declare(Options& options, Globals& globals);

// After parsing: the password from wherever it is, and what must be right before any connection is made. Warns of a password
// that others can see.
std::optional<CommandResult> settle(const Options& options, Globals& globals);

std::unique_ptr<engine::Engine> open_engine(const Globals& globals);

}  // namespace condolock::cli
