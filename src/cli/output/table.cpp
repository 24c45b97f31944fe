#include "cli/output/table.hpp"

#include <algorithm>

#include "util/escape.hpp"

namespace condolock::cli {
namespace {

// Number of columns on a terminal. A wide character counts as one column, although it takes two.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string table_text(std::vector<Row> rows, const Palette& palette) {
  std::vector<std::size_t> widths;
  for (Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (Cell& cell : row) cell.text = util::printable(cell.text);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
  }
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Cell& cell = row[i];
      const bool is_last = i + 1 == row.size();
      const std::string space(widths[i] - width(cell.text), ' ');
      if (cell.to_the_right) out += space;
      out += palette.paint(cell.text.empty() ? Tint::none : cell.tint, cell.text);
      if (!cell.to_the_right && !is_last) out += space;
      out += is_last ? "\n" : "  ";
    }
  }
  return out;
}

}  // namespace condolock::cli
