#include "cli/output/table.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/chosen_color.hpp"

using namespace condolock;
using cli::Tint;

TEST_CASE("table: each column is as wide as its longest cell, two spaces apart") {
  CHECK(cli::table_text({{{"a"}, {"long"}, {"x"}}, {{"wide"}, {"b"}, {"y"}}}, support::no_color()) ==
        "a     long  x\n"
        "wide  b     y\n");
}

TEST_CASE("table: the last cell of a row is not padded") {
  CHECK(cli::table_text({{{"a"}, {"b"}}, {{"c"}, {"longer"}}}, support::no_color()) ==
        "a  b\n"
        "c  longer\n");
}

TEST_CASE("table: cells can be right-aligned, also in the last column") {
  CHECK(cli::table_text(
            {{{"1", Tint::none, true}, {"7", Tint::none, true}}, {{"100", Tint::none, true}, {"12", Tint::none, true}}},
            support::no_color()) ==
        "  1   7\n"
        "100  12\n");
}

TEST_CASE("table: rows may differ in length; the last cell of each ends its line") {
  CHECK(cli::table_text({{{"a"}}, {{"bbb"}, {"c"}}, {{"d"}, {"e"}, {"f"}}}, support::no_color()) ==
        "a\n"
        "bbb  c\n"
        "d    e  f\n");
}

TEST_CASE("table: no rows give no text, and empty cells an empty line") {
  CHECK(cli::table_text({}, support::no_color()).empty());
  CHECK(cli::table_text({{{""}, {""}}}, support::no_color()) == "  \n");
}

TEST_CASE("table: columns are measured in display width") {
  CHECK(cli::table_text({{{"Zür"}, {"x"}}, {{"€𝄞"}, {"y"}}, {{"abcd"}, {"z"}}}, support::no_color()) ==
        "Zür   x\n"
        "€𝄞    y\n"
        "abcd  z\n");
  CHECK(cli::table_text({{{"日本"}, {"x"}}, {{"e\u0301"}, {"y"}}, {{"abcde"}, {"z"}}}, support::no_color()) ==
        "日本   x\n"
        "e\u0301      y\n"
        "abcde  z\n");
}

TEST_CASE("table: to fit, the middle of the first column is cut") {
  const std::vector<cli::Row> rows{{{"abcdefghijklmnopqrstuvwxyz"}, {"12", Tint::none, true}, {"idle"}},
                                   {{"日本語日本語日本語日本語"}, {"3", Tint::none, true}, {"idle"}},
                                   {{"k"}, {"4", Tint::none, true}, {"idle"}}};
  CHECK(cli::table_text(rows, support::no_color(), {30, true}) ==
        "abcdefghij…rstuvwxyz  12  idle\n"
        "日本語日本…語日本語    3  idle\n"
        "k                      4  idle\n");
  CHECK(cli::table_text(rows, support::no_color(), {30, false}) ==
        "abcdefghi...stuvwxyz  12  idle\n"
        "日本語日...語日本語    3  idle\n"
        "k                      4  idle\n");
  CHECK(cli::table_text(rows, support::no_color(), {36, true}) == cli::table_text(rows, support::no_color()));
}

TEST_CASE("table: if that is not enough, the end of the last cell is cut, but never all of it") {
  const std::vector<cli::Row> rows{{{"abcdefghijklmnopqrstuvwxyz"}, {"running on web1"}}, {{"k"}, {"idle"}}};
  CHECK(cli::table_text(rows, support::no_color(), {26, true}) ==
        "abcdefgh…tuvwxyz  running…\n"
        "k                 idle\n");
  CHECK(cli::table_text(rows, support::no_color(), {5, true}) ==
        "abcdefgh…tuvwxyz  …\n"
        "k                 …\n");
  CHECK(cli::table_text({}, support::no_color(), {5, true}).empty());
}

TEST_CASE("table: colours have no width, and padding and empty cells have no colours") {
  CHECK(cli::table_text(
            {{{"a", Tint::good}, {"b", Tint::bad, true}, {"c"}}, {{"", Tint::bad}, {"bbb", Tint::dim}, {"d", Tint::none}}},
            support::all_colors()) ==
        "\x1b[32ma\x1b[0m    \x1b[31mb\x1b[0m  c\n"
        "   \x1b[2mbbb\x1b[0m  d\n");
}

TEST_CASE("table: a cell that was not escaped can't control the terminal") {
  CHECK(cli::table_text({{{"\x1b[2J\n"}, {"\\x1b"}}}, support::no_color()) == "\\x1b[2J\\x0a  \\x1b\n");
}
