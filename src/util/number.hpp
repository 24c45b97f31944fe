// Parses whole numbers.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace condolock::util {

// Accepts decimal digits only, after a '-' if T is signed; no '+', no spaces. "010" is ten. None: `text` is not a number, or
// it is out of range for T.
template <std::integral T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace condolock::util
