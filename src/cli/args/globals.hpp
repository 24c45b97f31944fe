// The options that every command takes, and the engine that they describe.
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
  std::optional<std::string> config;  // path of the config file; none: the default paths
  std::string ns = "condolock";
  bool quiet = false;
  bool verbose = false;
  bool help = false;
};

void declare(Options& options, Globals& globals);

// Call after parsing. Finds the password, and checks what must be right before any connection is made; a problem is 78.
// Warns if others can see the password.
std::optional<CommandResult> settle(const Options& options, Globals& globals);

std::unique_ptr<engine::Engine> open_engine(const Globals& globals);

}  // namespace condolock::cli
