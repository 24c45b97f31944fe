#include "cli/output/table.hpp"

#include <algorithm>
#include <string_view>

#include "util/escape.hpp"
#include "util/width.hpp"

namespace condolock::cli {
namespace {

constexpr std::string_view gap = "  ";
constexpr std::size_t min_first = 16;

std::vector<std::size_t> widths_of(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], util::display_width(row[i].text));
  }
  return widths;
}

void shorten(std::vector<Row>& rows, std::size_t columns, std::string_view mark) {
  std::vector<std::size_t> widths = widths_of(rows);
  if (widths.empty()) return;
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += gap.size() + widths[i];
  widths[0] = std::min(widths[0], std::max(columns - std::min(columns, others), min_first));
  for (Row& row : rows) {
    if (row.empty()) continue;
    row[0].text = util::without_middle(row[0].text, widths[0], mark);
    std::size_t used = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) used += widths[i] + gap.size();
    row.back().text = util::without_end(row.back().text, std::max(columns, used + 1) - used, mark);
  }
}

}  // namespace

std::string table_text(std::vector<Row> rows, const Palette& palette, const Fit& fit) {
  for (Row& row : rows) {
    for (Cell& cell : row) cell.text = util::printable(cell.text);
  }
  if (fit.columns) shorten(rows, *fit.columns, fit.unicode ? "…" : "...");
  const std::vector<std::size_t> widths = widths_of(rows);
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Cell& cell = row[i];
      const bool is_last = i + 1 == row.size();
      const std::string space(widths[i] - util::display_width(cell.text), ' ');
      if (cell.to_the_right) out += space;
      out += palette.paint(cell.text.empty() ? Tint::none : cell.tint, cell.text);
      if (!cell.to_the_right && !is_last) out += space;
      out += is_last ? "\n" : gap;
    }
  }
  return out;
}

}  // namespace condolock::cli
