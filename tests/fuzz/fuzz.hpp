// What the fuzzers share. Each of them defines fuzz::check(), which libFuzzer calls with one input after the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

// Runs the code under test on one input. Ends the process if that shows a fault.
void check(std::string_view input);

// Prints `what` and aborts unless `holds`. libFuzzer then keeps the input.
void must(bool holds, std::string_view what);
// The text may go to a terminal: UTF-8, and nothing in it moves the cursor, hides or reorders text. Line feeds only with
// `lines`.
void must_be_printable(std::string_view text, bool lines = false);
// A message for the user: printable, on one line, not empty.
void must_be_message(std::string_view text);

// The input's lines, without the line feeds.
std::vector<std::string> lines_of(std::string_view input);
// Removes the first word of the line, and the space after it.
std::string take_word(std::string& line);

// A password that an input may contain. It must appear in no message.
inline constexpr std::string_view secret = "s3cr3t";

}  // namespace fuzz
