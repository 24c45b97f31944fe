// How many columns of a terminal a text takes. The C library's wcwidth() needs setlocale(), which changes the whole process,
// and locale files, which the static release does not need otherwise. So this has a table of its own: see width_ranges.pl.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace condolock::util {

// Two for each wide character (CJK, emoji), none for a combining mark, and one for everything else, a byte that is not UTF-8
// included. The text must have no control characters: see printable().
std::size_t display_width(std::string_view text);

// The text itself if it takes at most `columns`. Otherwise without_middle puts `mark` in place of the middle, and
// without_end puts it in place of the end. The result is at most as wide as `columns`, except that the mark is always
// complete. A character is never cut, nor separated from its combining marks.
std::string without_middle(std::string_view text, std::size_t columns, std::string_view mark);
std::string without_end(std::string_view text, std::size_t columns, std::string_view mark);

}  // namespace condolock::util
