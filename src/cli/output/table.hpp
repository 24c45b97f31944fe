// Text in columns. A column is as wide as its widest cell.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/output/console.hpp"

namespace condolock::cli {

struct Cell {
  std::string text;  // names in it are escaped already
  Tint tint = Tint::none;
  bool to_the_right = false;  // right-aligned, for numbers
};

using Row = std::vector<Cell>;

// One line per row. The last cell of a row is not padded. Characters that could control a terminal are escaped. With
// `columns`, lines are made to fit that width if possible: first the middle of the cells in the first column is cut, down to
// 16 columns, then the end of each row's last cell. "…" marks a cut, or "..." if not `unicode`.
struct Fit {
  std::optional<std::size_t> columns;
  bool unicode = true;
};
std::string table_text(std::vector<Row> rows, const Palette& palette, const Fit& fit = {});

}  // namespace condolock::cli
