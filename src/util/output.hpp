// Text to a descriptor that somebody else may read, slowly or not at all.
#pragma once

#include <string_view>

namespace condolock::util {

// All of it, however long that takes; false when it can't be written (errno says why).
bool write_all(int fd, std::string_view text);

// What can be written without waiting; the rest is lost, and then false. For whoever must not be held up by a reader.
bool write_at_once(int fd, std::string_view text);

}  // namespace condolock::util
