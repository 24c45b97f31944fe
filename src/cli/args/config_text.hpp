// Checks the text of a config file before the TOML parser reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock::cli {

// Refuses input that toml++ 3.3 and 3.4 assume to be impossible, and on which their behaviour is undefined:
//   - a line that begins with [ and has no key after it
//   - a brace in an array
//   - a date, then T or a space, then no time
//   - a character outside ASCII, except in a comment or in a string on one line
// The rules are simpler and stricter than that, and keep to what a config file needs: NAME = VALUE, with any text in quotes.
// They also refuse control characters and text that is not UTF-8. The parser refuses all other errors. The problem's text
// begins with "PATH:LINE: ".
std::optional<util::Problem> check_config_text(std::string_view text, const std::string& path);

}  // namespace condolock::cli
