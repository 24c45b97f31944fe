#include "util/width.hpp"

#include <doctest/doctest.h>

#include "util/width_ranges.hpp"

using namespace condolock;
using util::display_width;
using util::without_end;
using util::without_middle;

TEST_CASE("width: letters are one column, CJK and emoji two, combining marks none") {
  CHECK(display_width("") == 0);
  CHECK(display_width("backup-1") == 8);
  CHECK(display_width("Zürich") == 6);
  CHECK(display_width("日本語") == 6);
  CHECK(display_width("ｆｕｌｌ") == 8);
  CHECK(display_width("한국") == 4);
  CHECK(display_width("\u1112\u1161\u11ab") == 2);  // the same syllable in three parts
  CHECK(display_width("😀!") == 3);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("か\u3099") == 2);  // a mark that the Unicode database calls wide
  CHECK(display_width("\u0301") == 0);
  CHECK(display_width("𠀀") == 2);
}

TEST_CASE("width: a byte that is not UTF-8 is one column") {
  CHECK(display_width("\xff\xfe") == 2);
  CHECK(display_width("\xe6\x97") == 2);
}

TEST_CASE("width: the tables are sorted, and their ranges do not overlap") {
  const auto check = [](const auto& ranges) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      CHECK(ranges.at(i).first <= ranges.at(i).last);
      if (i > 0) CHECK(ranges.at(i - 1).last < ranges.at(i).first);
    }
  };
  check(util::wide_ranges);
  check(util::zero_ranges);
}

TEST_CASE("without_middle: the beginning and the end are kept") {
  CHECK(without_middle("abcdefghij", 10, "…") == "abcdefghij");
  CHECK(without_middle("abcdefghij", 9, "…") == "abcd…ghij");
  CHECK(without_middle("abcdefghij", 6, "…") == "abc…ij");
  CHECK(without_middle("abcdefghij", 7, "...") == "ab...ij");
  CHECK(without_middle("abcdefghij", 1, "…") == "…");
  CHECK(without_middle("abcdefghij", 0, "…") == "…");
}

TEST_CASE("without_middle: no character is cut, and no mark is separated from its character") {
  CHECK(without_middle("日本語日本語", 8, "…") == "日本…語");
  CHECK(without_middle("日本語日本語", 12, "…") == "日本語日本語");
  CHECK(without_middle("e\u0301e\u0301e\u0301e\u0301", 3, "…") == "e\u0301…e\u0301");
  CHECK(without_middle("\xff\xfe\xfd\xfc", 3, "…") == "\xff…\xfc");
}

TEST_CASE("without_end: the beginning is kept") {
  CHECK(without_end("abcdefghij", 10, "…") == "abcdefghij");
  CHECK(without_end("abcdefghij", 4, "…") == "abc…");
  CHECK(without_end("日本語", 5, "…") == "日本…");
  CHECK(without_end("日本語", 4, "…") == "日…");
}
