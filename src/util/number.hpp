// Whole numbers as text.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace condolock::util {

// Decimal digits and nothing else, in range for T: no sign but T's own minus, no spaces; "010" is ten.
template <std::integral T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace condolock::util
