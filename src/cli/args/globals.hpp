// The options that every command takes, and the engine that they describe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/args/options.hpp"
#include "cli/output/console.hpp"
#include "engine/open.hpp"

namespace condolock::cli {

// A file that other users can read.
struct Exposure {
  std::string_view what;  // "the password file"
  std::string path;

  std::string shown() const;   // "other users can read the password file PATH"
  std::string remedy() const;  // "chmod go-r PATH"
};

struct Globals {
  engine::Location location;
  std::string user;
  engine::redis::Tls tls;  // for a URL with TLS
  std::string password_file;
  std::string sentinel_user;
  std::string sentinel_password_file;
  Millis redis_timeout{5000};
  std::optional<std::string> config;  // path of the config file; none: the default paths
  std::string ns = "condolock";
  std::string exposed_config;                // path of the config file if other users can read it; else empty
  std::optional<Exposure> exposed_password;  // the file that the password came from, if other users can read it
  bool warns_of_exposure = true;             // doctor reports it in another way
  bool quiet = false;
  bool verbose = false;
  bool help = false;
};

void declare(Options& options, Globals& globals);

// Call after parsing. Finds the password, and makes all checks that need no connection; a problem is 78. Warns if others can
// see the password. A password on the command line always gives a warning. One in a file does so only where decisions are
// printed, since cron would send a mail for every run.
std::optional<CommandResult> settle(const Options& options, Globals& globals);

std::unique_ptr<engine::Engine> open_engine(const Globals& globals);

}  // namespace condolock::cli
