// How many columns of a terminal a text takes. The C library's wcwidth() needs setlocale(), which changes the whole process,
// and locale files, which the static release has no use for. So this has a table of its own: see width_ranges.pl.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace condolock::util {

// Two for each wide character (CJK, emoji), none for a combining mark, and one for everything else, a byte that is not UTF-8
// included. The text must have no control characters: see printable().
std::size_t display_width(std::string_view text);

// The text itself if it takes at most `columns`; otherwise its beginning and its end with `mark` in place of the middle, or
// only its beginning with `mark` after it. The result is at most as wide as `columns`, except that the mark always stays. It
// never cuts a character, nor a mark off its character.
std::string without_middle(std::string_view text, std::size_t columns, std::string_view mark);
std::string without_end(std::string_view text, std::size_t columns, std::string_view mark);

}  // namespace condolock::util
