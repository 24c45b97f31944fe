#include "util/width.hpp"

#include <algorithm>
#include <vector>

#include "util/utf8.hpp"
#include "util/width_ranges.hpp"

namespace condolock::util {
namespace {

template <class Ranges>
bool is_in(const Ranges& ranges, std::uint32_t code) {
  const auto* after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                       [](std::uint32_t value, const CodeRange& range) { return value < range.first; });
  return after != ranges.begin() && code <= std::prev(after)->last;
}

// Some marks are in both tables. A mark joins the character before it, however wide that is.
std::size_t width_of(std::uint32_t code) {
  if (code < 0xA0) return 1;
  if (is_in(zero_ranges, code)) return 0;
  return is_in(wide_ranges, code) ? 2 : 1;
}

// A character with the marks that join it.
struct Cluster {
  std::size_t length = 0;  // in bytes
  std::size_t width = 0;
};

Cluster first_cluster(std::string_view text) {
  Cluster cluster;
  while (cluster.length < text.size()) {
    const CodePoint next = first_code_point(text.substr(cluster.length));
    const std::size_t width = next.length == 0 ? 1 : width_of(next.code);
    if (cluster.length > 0 && width > 0) break;
    cluster.length += std::max<std::size_t>(next.length, 1);
    cluster.width += width;
  }
  return cluster;
}

std::vector<Cluster> clusters_of(std::string_view text) {
  std::vector<Cluster> out;
  out.reserve(text.size());
  while (!text.empty()) {
    out.push_back(first_cluster(text));
    text.remove_prefix(out.back().length);
  }
  return out;
}

// The length in bytes of as many clusters as fit into `columns`.
template <class Iterator>
std::size_t length_that_fits(Iterator from, Iterator to, std::size_t columns) {
  std::size_t length = 0;
  for (; from != to && from->width <= columns; ++from) {
    columns -= from->width;
    length += from->length;
  }
  return length;
}

std::string shortened(std::string_view text, std::size_t columns, std::string_view mark, std::size_t parts) {
  if (display_width(text) <= columns) return std::string(text);
  const std::size_t left = columns - std::min(columns, display_width(mark));
  const std::vector<Cluster> clusters = clusters_of(text);
  const std::size_t at_end = left - (left + parts - 1) / parts;
  const std::size_t end = length_that_fits(clusters.rbegin(), clusters.rend(), at_end);
  const std::size_t begin = length_that_fits(clusters.begin(), clusters.end(), left - at_end);
  return std::string(text.substr(0, begin)).append(mark).append(text.substr(text.size() - end));
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Cluster next = first_cluster(text);
    width += next.width;
    text.remove_prefix(next.length);
  }
  return width;
}

std::string without_middle(std::string_view text, std::size_t columns, std::string_view mark) {
  return shortened(text, columns, mark, 2);
}

std::string without_end(std::string_view text, std::size_t columns, std::string_view mark) {
  return shortened(text, columns, mark, 1);
}

}  // namespace condolock::util
