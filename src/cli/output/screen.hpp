// How wide the reader's screen is.
#pragma once

#include <cstddef>
#include <optional>

namespace condolock::cli {

// The width of the terminal `fd`. If `fd` is no terminal or its width is unknown: the value of COLUMNS, which watch(1) sets
// for the commands that it shows. None: the reader is a file, a pipe or another program, so nothing must be shortened.
std::optional<std::size_t> screen_columns(int fd);

}  // namespace condolock::cli
