#include "util/nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace condolock::util {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  // Two rows of the usual table: the distances of the first i characters of `a` to each prefix of `b`.
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t longest = 64;  // longest word that is looked at: every known word is shorter
  if (word.size() > longest) return {};
  const std::size_t letters = word.size() - std::min(word.find_first_not_of('-'), word.size());
  std::size_t least = letters <= 5 ? 2 : 3;
  std::string_view found;
  for (const std::string_view each : known) {
    const std::size_t edits = distance(word, each);
    if (edits >= least) continue;
    least = edits;
    found = each;
  }
  return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view found = nearest(word, known);
  return found.empty() ? "" : " (did you mean " + std::string(found) + "?)";
}

}  // namespace condolock::util
