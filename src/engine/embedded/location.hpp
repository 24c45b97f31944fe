// Where the embedded engine keeps its file: the file: URL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock::engine::embedded {

// What survives a power failure. A killed process loses nothing in any case.
enum class Sync : std::uint8_t {
  none,     // the last half a minute or so may be lost
  records,  // all except acquire, renew and abandon: the command of a lease ends with the machine
  all,
};

struct DatabaseLocation {
  std::string directory;
  Sync sync = Sync::records;

  std::string file() const { return directory + "/condolock.db"; }
};

// Parses file:, file:/DIR or file:///DIR, each with an optional ?sync=none|records|all. `url` must satisfy is_location().
// The default directory is $XDG_STATE_HOME/condolock, or ~/.local/state/condolock.
util::Result<DatabaseLocation> parse_location(std::string_view url);

bool is_location(std::string_view url);

// The directory, or its nearest parent that exists.
std::string existing_directory(const DatabaseLocation& location);

// The name of the network file system that the directory is or will be on. None: it is local or unknown.
std::optional<std::string> network_file_system(const DatabaseLocation& location);

}  // namespace condolock::engine::embedded
