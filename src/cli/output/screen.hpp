// How wide the reader's screen is.
#pragma once

#include <cstddef>
#include <optional>

namespace condolock::cli {

// The width of the terminal that `fd` is. Where it is none, or does not tell, the variable COLUMNS: watch(1) sets it for the
// commands that it shows. None: a file, a pipe or another program reads, and nothing must be shortened for it.
std::optional<std::size_t> screen_columns(int fd);

}  // namespace condolock::cli
