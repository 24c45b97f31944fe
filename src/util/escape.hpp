// Makes untrusted text safe to print.
#pragma once

#include <string>
#include <string_view>

namespace condolock::util {

// Printable UTF-8 stays as it is, except that a backslash is doubled. Each byte of these becomes \xNN: control characters
// (C0, DEL, C1), characters that reorder or hide text (bidirectional controls, zero-width characters, line separators), and
// invalid UTF-8. So a key or a host name can't move the cursor, ring the bell or write to the clipboard. Different texts
// always give different results.
std::string escape(std::string_view text);

// The same, but a backslash stays single. For a text that may have been escaped already, as a last check before a terminal.
std::string printable(std::string_view text);

// Replaces in a JSON text each character that escape() would escape: by \uXXXX, which a JSON parser reads as that character.
// Line feeds between values stay. The text must be valid JSON in UTF-8.
std::string escaped_json(std::string_view json);

// Quotes one word for a shell: bare if that is safe, else in single quotes. A word with unprintable characters, which a
// shell can't take as they are shown, is written $'a\xff' as bash, zsh and ksh read it.
std::string shell_quoted(std::string_view word);

}  // namespace condolock::util
