// Files that decide which server is used, and as which user.
#pragma once

#include <string>

#include "util/result.hpp"

namespace condolock::cli {

// Reads a regular file of at most 64 KiB. Refuses a file that its group or others may write, or whose owner is neither root
// nor this process' user. `what` begins the text of a problem: "the password file".
util::Result<std::string> read_trusted(const std::string& what, const std::string& path);

}  // namespace condolock::cli
