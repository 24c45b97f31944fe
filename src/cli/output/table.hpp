// Columns of text, as wide as what stands in them.
#pragma once

#include <string>
#include <vector>

#include "cli/output/console.hpp"

namespace condolock::cli {

struct Cell {
  std::string text;  // safe to show
  Tint tint = Tint::none;
  bool to_the_right = false;  // as numbers stand
};

using Row = std::vector<Cell>;

// Each row is a line; the last cell of one is not filled up.
std::string table_text(const std::vector<Row>& rows, const Palette& palette);

}  // namespace condolock::cli
