// Text in columns. A column is as wide as its widest cell.
#pragma once

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

// One line per row. The last cell of a row is not padded. Characters that could control a terminal are escaped.
std::string table_text(std::vector<Row> rows, const Palette& palette);

}  // namespace condolock::cli
