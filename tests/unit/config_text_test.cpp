#include "cli/args/config_text.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "cli/args/config.hpp"

using namespace condolock;

namespace {

// The problem's text, without the path.
std::string wrong(std::string_view text) {
  const auto problem = cli::check_config_text(text, "f");
  if (!problem) return "nothing";
  CHECK(problem->text.starts_with("f:"));
  return problem->text.substr(2);
}

}  // namespace

TEST_CASE("config text: everything that a config file may contain is accepted") {
  for (const std::string_view text :
       {"", "\n", "\xEF\xBB\xBFlease = 1", "lease = \"1m\"\r\n\twait = 0 # a tab and a comment: \xC3\xA9 [ { = T",
        "user = \"j\xC3\xBCrgen \\\" \\\\\"\nurl = 'a\\'", "success-code = [\n  3, # three\n  4\n]\nhistory = 20",
        "success-code = [[1], [ \"2\" ]]", "user = ''\nurl = \"\"",
        "user = \"\"\"\n[a] {b} = c\n\"\" \\\" \\\\\"\"\"\"\"\nurl = '''\n'[x]\n'''", "lease = 2026-11-24",
        "\"lease\" = 07:32:00"}) {
    CAPTURE(text);
    CHECK(wrong(text) == "nothing");
  }
}

TEST_CASE("config text: a section is refused with its line") {
  CHECK(wrong("[run]") == "1: sections are not allowed: remove [run]");
  CHECK(wrong("\n \t[[run]] # x \r\nlease = 1") == "2: sections are not allowed: remove [[run]] # x");
  CHECK(wrong("[\t") == "1: sections are not allowed: remove [");
  CHECK(wrong("a = [1]\n[\x1B") == "2: sections are not allowed: remove [\\x1b");
}

TEST_CASE("config text: a character is refused with line and column") {
  CHECK(wrong("\xEF\xBB\xAF") == "1: column 1: '\xEF\xBB\xAF' is not ASCII: put it in quotes, on one line");
  CHECK(wrong("a = \"\xC3\xA9\" \xC3\xA9").starts_with("1: column 9: '\xC3\xA9' is not ASCII"));
  CHECK(wrong("a = \"\"\"\n\xC3\xA9\"\"\"").starts_with("2: column 1: '\xC3\xA9' is not ASCII"));
  CHECK(wrong("\xEF\xBB\xBF\xEF\xBB\xBF").starts_with("1: column 1: '\\xef\\xbb\\xbf' is not ASCII"));
  CHECK(wrong("# \xFF").starts_with("1: column 3: '\\xff' is not UTF-8"));
  CHECK(wrong("a = \"\xE2\x82\"").starts_with("1: column 6: '\\xe2' is not UTF-8"));
  CHECK(wrong("a = '\x07'").starts_with("1: column 6: '\\x07' is a control character"));
  CHECK(wrong("a = 1\rb = 2").starts_with("1: column 6: '\\x0d' is a control character"));
  CHECK(wrong(std::string_view("a\0", 2)).starts_with("1: column 2: '\\x00' is a control character"));
}

TEST_CASE("config text: input that toml++ assumes impossible is refused before parsing, and so is similar input") {
  CHECK(wrong("a = { b = 1 }").starts_with("1: column 5: '{' belongs to a table"));
  CHECK(wrong("a = [1,\n}").starts_with("2: column 1: '}' belongs to a table"));
  CHECK(wrong("a = 1979-05-27Tx").starts_with("1: column 15: 'T' cannot follow a number"));
  CHECK(wrong("a = 1979-05-27 9 x").starts_with("1: column 15: ' ' is in the middle of a value"));
  CHECK(wrong("a = 0-fo-nf-eh 0#").starts_with("1: column 15: ' ' is in the middle of a value"));
  CHECK(wrong("a = 0\"\xC3\xA9").starts_with("1: column 6: '\"' is in the middle of a word"));
  CHECK(wrong("a = 0['\xC3\xA9").starts_with("1: column 6: '[' is in the middle of a word"));
  CHECK(wrong("a = 0='\xC3\xA9").starts_with("1: column 6: '=' is in the middle of a value"));
  CHECK(wrong("a = [0='\xC3\xA9").starts_with("1: column 7: '=' is in the middle of a value"));
}

TEST_CASE("config text: the settings are read after the check") {
  const auto settings = cli::parse_config("lease = \"1m\"\nsuccess-code = [3, 4]", "f");
  REQUIRE(settings);
  REQUIRE(settings->size() == 2);
  CHECK((*settings)[1].texts == std::vector<std::string>{"3", "4"});
  CHECK((*settings)[1].source == "f:2");
  const auto refused = cli::parse_config("lease = 1Tx", "f");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text == "f:1: column 10: 'T' cannot follow a number: put strings in quotes");
}
