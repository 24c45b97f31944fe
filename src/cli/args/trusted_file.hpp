// Files that decide who we talk to, and as whom.
#pragma once

#include <string>

#include "util/result.hpp"

namespace condolock::cli {

// A regular file of at most 64 KiB. One that others than us and root may write is refused. `what` opens the problem's text:
// "the password file".
util::Result<std::string> read_trusted(const std::string& what, const std::string& path);

}  // namespace condolock::cli
