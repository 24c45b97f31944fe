// Text that somebody else chose, made safe to show.
#pragma once

#include <string>
#include <string_view>

namespace condolock::util {

// Printable UTF-8 stays as it is. Control characters (C0, DEL, C1), marks that reorder or hide text (bidirectional controls,
// zero-width and line separators) and bytes that are not UTF-8 become \xNN, one for each byte; a backslash is doubled. So a
// key or a host name can't move the cursor, ring the bell or write to the clipboard, and two names never look the same.
std::string escape(std::string_view text);

// As a shell takes it for one word: bare where that is safe, else in single quotes. What could not be shown is escaped, and
// then it is not what the shell would have to be given.
std::string shell_quoted(std::string_view word);

}  // namespace condolock::util
