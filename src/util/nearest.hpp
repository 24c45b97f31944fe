// Finds the known word for a misspelt one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace condolock::util {

// The known word that is nearest to `word`: at most two edits away, or one if `word` has at most five characters besides
// leading dashes. An edit inserts, removes or replaces a character, or swaps two neighbours (the optimal string alignment
// distance). Of several the first. Empty: none is that near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

// " (did you mean WORD?)", or "" where no known word is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace condolock::util
