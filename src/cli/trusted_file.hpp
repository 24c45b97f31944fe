// Files that decide who we talk to, and as whom.
#pragma once

#include <string>

#include "util/result.hpp"

namespace condolock::cli {

// A regular file's first 64 KiB. One that others may write is refused. `what` opens the problem's text: "the password file".
Result<std::string> read_trusted(const std::string& what, const std::string& path);

}  // namespace condolock::cli
