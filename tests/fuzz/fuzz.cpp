#include "fuzz.hpp"

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "util/escape.hpp"

namespace fuzz {

void must(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "fuzz: " << what << std::endl;
  std::abort();
}

void must_be_printable(std::string_view text, bool lines) {
  std::string visible(text);
  if (lines) std::erase(visible, '\n');
  for (const char c : visible) must(static_cast<unsigned char>(c) >= ' ' && c != '\x7F', "a control character is printed");
  // In a printable text, escape() changes only backslashes.
  const std::string escaped = condolock::util::escape(visible);
  std::size_t backslashes = 0;
  for (const char c : visible) backslashes += c == '\\' ? 1 : 0;
  must(escaped.size() == visible.size() + backslashes, "an unprintable character is printed");
}

void must_be_message(std::string_view text) {
  must(!text.empty(), "a message is empty");
  must_be_printable(text);
}

std::vector<std::string> lines_of(std::string_view input) {
  std::vector<std::string> out;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    out.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return out;
}

std::string take_word(std::string& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  std::string word = line.substr(0, end);
  line.erase(0, end + 1);
  return word;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
