#include "util/duration.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "util/escape.hpp"

namespace condolock::util {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};

// The units of systemd.time(7) that are at least a millisecond, without months and years, whose length varies.
constexpr std::array<Unit, 20> units{
    {{"w", 604'800'000},   {"week", 604'800'000}, {"weeks", 604'800'000}, {"d", 86'400'000},   {"day", 86'400'000},
     {"days", 86'400'000}, {"h", 3'600'000},      {"hr", 3'600'000},      {"hour", 3'600'000}, {"hours", 3'600'000},
     {"m", 60'000},        {"min", 60'000},       {"minute", 60'000},     {"minutes", 60'000}, {"s", 1000},
     {"sec", 1000},        {"second", 1000},      {"seconds", 1000},      {"ms", 1},           {"msec", 1}}};
// The units in which durations are shown.
constexpr std::array<Unit, 4> shown_units{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Problem refuse(std::string_view text, const std::string& why) {
  constexpr std::size_t longest = 40;  // a message stays short
  const std::string shown = escape(text.substr(0, longest)) + (text.size() > longest ? "..." : "");
  return {"invalid duration '" + shown + "': " + why};
}

// A decimal number without sign or exponent. Its value is count / scale; scale is a power of ten.
struct Decimal {
  std::int64_t count = 0;
  std::int64_t scale = 1;
};

constexpr std::int64_t max_number = 1'000'000'000;  // limits a count to ten digits: times the largest unit, it fits 64 bits

// Removes a number from the front of `rest`. False: there is no number, or it has too many digits.
bool take_decimal(std::string_view& rest, Decimal& number) {
  bool digits = false;
  bool fraction = false;
  while (!rest.empty() && (is_digit(rest[0]) || (rest[0] == '.' && digits && !fraction))) {
    if (rest[0] == '.') {
      fraction = true;
      digits = false;  // "5." is not a number
    } else {
      if (number.count >= max_number || number.scale >= max_number) return false;
      number.count = number.count * 10 + (rest[0] - '0');
      if (fraction) number.scale *= 10;
      digits = true;
    }
    rest.remove_prefix(1);
  }
  return digits;
}

std::string_view take_word(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && rest[length] != ' ' && !is_digit(rest[length])) ++length;
  const std::string_view word = rest.substr(0, length);
  rest.remove_prefix(length);
  return word;
}

void skip_spaces(std::string_view& rest) {
  while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
}

Problem wrong_unit(std::string_view text, std::string_view word) {
  if (word.empty()) return refuse(text, "each number needs a unit: ms, s, min, h, d or w");
  if (word == "M" || word == "y" || word.starts_with("month") || word.starts_with("year")) {
    return refuse(text, "'" + escape(word) + "' has no fixed length; use min or d");
  }
  return refuse(text, "unknown unit '" + escape(word.substr(0, 20)) + "'; use ms, s, min, h, d or w");
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  if (text.empty()) return refuse(text, "it is empty");
  if (text.front() == ' ' || text.back() == ' ') return refuse(text, "it begins or ends with a space");
  if (text[0] == '-' || text[0] == '+') return refuse(text, "it must not have a sign");
  std::int64_t total = 0;
  for (std::string_view rest = text; !rest.empty(); skip_spaces(rest)) {
    const bool is_first = rest.size() == text.size();
    Decimal number;
    if (!take_decimal(rest, number)) return refuse(text, "write it as 300, 90s, 5min 30s or 1.5h");
    std::int64_t unit_ms = 1000;
    if (!rest.empty() || !is_first) {  // a number alone is seconds
      skip_spaces(rest);
      const std::string_view word = take_word(rest);
      const auto* unit = std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.name == word; });
      if (unit == units.end()) return wrong_unit(text, word);
      unit_ms = unit->ms;
    }
    const std::int64_t scaled = number.count * unit_ms;
    if (scaled % number.scale != 0) return refuse(text, "it is finer than a millisecond");
    if (scaled / number.scale > longest_duration.count() - total) return refuse(text, "it is longer than 100 years");
    total += scaled / number.scale;
  }
  return Millis(total);
}

std::string format_duration(Millis duration) {
  std::int64_t ms = duration.count();
  if (ms <= 0) return "0s";
  if (ms < 1000) return std::to_string(ms) + "ms";
  if (ms < 10'000) {
    const std::int64_t tenths = ms % 1000 / 100;
    return std::to_string(ms / 1000) + (tenths != 0 ? "." + std::to_string(tenths) : "") + "s";
  }
  std::string out;
  int parts = 0;
  for (const Unit& unit : shown_units) {
    const std::int64_t count = ms / unit.ms;
    ms %= unit.ms;
    if (count != 0) out += std::to_string(count) + std::string(unit.name);
    if (!out.empty() && ++parts == 2) break;
  }
  return out;
}

std::string format_duration_up(Millis duration) {
  const std::int64_t ms = duration.count();
  std::int64_t step = 1;
  if (ms > 86'400'000) {
    step = 3'600'000;
  } else if (ms > 3'600'000) {
    step = 60'000;
  } else if (ms >= 10'000) {
    step = 1000;
  } else if (ms > 1000) {
    step = 100;
  }
  return format_duration(Millis((ms + step - 1) / step * step));
}

}  // namespace condolock::util
