// Reads UTF-8 character by character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace condolock::util {

struct CodePoint {
  std::size_t length = 0;  // in bytes; 0: the text does not begin with a character in UTF-8
  std::uint32_t code = 0;
};

// Decodes the first character of `text`, which must not be empty. RFC 3629: the shortest form only, no surrogates, at most
// U+10FFFF.
CodePoint first_code_point(std::string_view text);

}  // namespace condolock::util
