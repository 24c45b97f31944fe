#include "util/escape.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace condolock;

using namespace std::string_literals;

TEST_CASE("printable text of any language is unchanged") {
  for (const std::string text : {"backup", "a b:c{}\"'", "naïve", "東京", "😀", ""}) CHECK(util::escape(text) == text);
}

TEST_CASE("characters that control a terminal or hide text are escaped") {
  CHECK(util::escape("\x1b[31m") == "\\x1b[31m");
  CHECK(util::escape("\x1b]52;c;aGk=\x07") == "\\x1b]52;c;aGk=\\x07");
  CHECK(util::escape("a\r\nb\t") == "a\\x0d\\x0ab\\x09");
  CHECK(util::escape("a\0b"s) == "a\\x00b");
  CHECK(util::escape("\x7f") == "\\x7f");
  CHECK(util::escape("\u0085") == "\\xc2\\x85");  // C1: next line
  const std::string right_to_left = std::string("\xe2\x80") + "\xae";
  CHECK(util::escape(right_to_left + "gnp.exe") == "\\xe2\\x80\\xaegnp.exe");
  const std::string isolate = std::string("\xe2\x81") + "\xa6";
  CHECK(util::escape(isolate + "x") == "\\xe2\\x81\\xa6x");
  CHECK(util::escape("a\u200Bb") == "a\\xe2\\x80\\x8bb");
  CHECK(util::escape("\u2028") == "\\xe2\\x80\\xa8");
}

TEST_CASE("bytes that are not UTF-8 are escaped one by one") {
  CHECK(util::escape("\xff") == "\\xff");
  CHECK(util::escape("caf\xe9") == "caf\\xe9");
  CHECK(util::escape("\xc0\xaf") == "\\xc0\\xaf");                    // overlong
  CHECK(util::escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(util::escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  CHECK(util::escape("\xe2\x82") == "\\xe2\\x82");                    // cut off
}

TEST_CASE("a backslash is doubled, so that different names never look the same") {
  CHECK(util::escape("\\x1b") == "\\\\x1b");
}

TEST_CASE("printable: like escape, but a text that was escaped before is unchanged") {
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested
  for (const std::string text : {"\x1b[31m", "a\r\nb", "\x9b", "\u009b", "\xe2\x80\xae", "\x7f", "plain"}) {
    CAPTURE(util::escape(text));
    CHECK(util::printable(text) == util::escape(text));
    CHECK(util::printable(util::escape(text)) == util::escape(text));
  }
  CHECK(util::printable("a\\b") == "a\\b");
}

TEST_CASE("escaped_json: hidden and control characters become \\uXXXX, the rest is unchanged") {
  CHECK(util::escaped_json("{\n  \"a\": \"b\\n東京😀\"}") == "{\n  \"a\": \"b\\n東京😀\"}");
  CHECK(util::escaped_json("\x7f\u0080\u009f\u00a0") == "\\u007f\\u0080\\u009f\u00a0");
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested
  CHECK(util::escaped_json("\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9") ==
        "\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069");
  CHECK(util::escaped_json("\u2028\u2029") == "\\u2028\\u2029");
  CHECK(util::escaped_json("\U000E0041") == "\\udb40\\udc41");  // a tag character, as two surrogates
}

TEST_CASE("shell_quoted quotes one word for a shell") {
  using condolock::util::shell_quoted;
  CHECK(util::shell_quoted("--min-time=5m") == "--min-time=5m");
  CHECK(util::shell_quoted("") == "''");
  CHECK(util::shell_quoted("a b") == "'a b'");
  CHECK(util::shell_quoted("it's $HOME") == R"('it'\''s $HOME')");
  CHECK(util::shell_quoted(R"(a\b)") == R"('a\b')");
  CHECK(util::shell_quoted("\x1b[1m") == R"($'\x1b[1m')");
  CHECK(util::shell_quoted("it's\n\\") == R"($'it\'s\x0a\\')");
  CHECK(util::shell_quoted("[0-9]*") == "'[0-9]*'");
}
