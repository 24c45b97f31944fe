// Writes text to a descriptor whose reader may be slow or may not read at all.
#pragma once

#include <string_view>

namespace condolock::cli {

// Writes all of `text`, as long as that takes. False: a write failed, and errno says why.
bool write_all(int fd, std::string_view text);

// Writes as much of `text` as it can without blocking and drops the rest. True: all of it was written. For callers that must
// not wait for a reader.
bool write_at_once(int fd, std::string_view text);

}  // namespace condolock::cli
