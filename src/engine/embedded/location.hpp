// Where the embedded engine keeps its file, as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock::engine::embedded {

// What is still there after the machine's power failed; a killed process loses nothing in any case.
enum class Sync : std::uint8_t {
  none,     // perhaps nothing of the last seconds
  records,  // all but grants and renewals: these are worth nothing then, as what they were for is gone too
  all,
};

struct DatabaseLocation {
  std::string directory;
  Sync sync = Sync::records;

  std::string file() const { return directory + "/condolock.db"; }
};

// file:, file:/DIR, file:///DIR, each with ?sync=none|records|all. Without a directory: $XDG_STATE_HOME/condolock, or
// ~/.local/state/condolock.
util::Result<DatabaseLocation> parse_location(std::string_view url);

bool is_location(std::string_view url);

// Makes the directory where there is none, for its owner alone; what went wrong, or nothing.
std::optional<std::string> make_directory(const DatabaseLocation& location);

// The directory itself, or where it is not there yet, the first above it that is.
std::string existing_directory(const DatabaseLocation& location);

// The name of the network file system that the directory is on, or will be; none: it is on a local one, as far as is known.
std::optional<std::string> network_file_system(const DatabaseLocation& location);

}  // namespace condolock::engine::embedded
