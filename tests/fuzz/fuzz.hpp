// What the fuzzers share. Each of them defines fuzz::check(), which libFuzzer calls with one input after the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

// Runs the code under test on one input. Ends the process if it finds a fault.
void check(std::string_view input);

// Prints `what` and aborts unless `holds`. libFuzzer then keeps the input.
void must(bool holds, std::string_view what);
// The text must be safe for a terminal: UTF-8, without characters that move the cursor, or hide or reorder text. Line feeds
// are allowed only with `lines`.
void must_be_printable(std::string_view text, bool lines = false);
// The text must be a message for the user: printable, on one line, not empty.
void must_be_message(std::string_view text);

// The input's lines, without the line feeds.
std::vector<std::string> lines_of(std::string_view input);
// Removes the first word of the line, and the space after it.
std::string take_word(std::string& line);

// A password that an input may contain. It must appear in no message.
inline constexpr std::string_view secret = "s3cr3t";

}  // namespace fuzz
