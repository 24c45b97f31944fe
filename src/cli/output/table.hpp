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
// `columns`, no line is wider than that, as far as possible: the first column loses what is in the middle of its cells, down
// to 16 columns, and then the last cell of a row its end. "…" marks what is left out, or "..." if not `unicode`.
struct Fit {
  std::optional<std::size_t> columns;
  bool unicode = true;
};
std::string table_text(std::vector<Row> rows, const Palette& palette, const Fit& fit = {});

}  // namespace condolock::cli
