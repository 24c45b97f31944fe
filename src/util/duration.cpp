#include "util/duration.hpp"

#include <array>
#include <cstdint>

#include "util/escape.hpp"

namespace condolock::util {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};

constexpr std::array<Unit, 7> units{
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::int64_t max_ms = 36'525LL * 86'400'000;  // 100 years, far below 2^53: Lua counts exactly up to there

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Problem refuse(std::string_view text, const std::string& why) {
  return {"'" + escape(text) + "' is not a duration: " + why + " (write 300, 1.5h, 5m30s, 2d or 250ms)"};
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

const Unit* take_unit(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && rest[length] != ' ' && !is_digit(rest[length])) ++length;
  for (const Unit& unit : units) {
    if (rest.substr(0, length) == unit.name) {
      rest.remove_prefix(length);
      return &unit;
    }
  }
  return nullptr;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  std::string_view rest = text;
  if (rest.empty()) return refuse(text, "it is empty");
  if (rest[0] == '-' || rest[0] == '+') return refuse(text, "a sign is not allowed");
  std::int64_t total = 0;
  std::int64_t last_unit = max_ms;
  while (!rest.empty()) {
    Decimal number;
    if (!take_decimal(rest, number)) return refuse(text, "a number is missing, or has more than ten digits");
    std::int64_t unit_ms = 1000;
    if (rest.empty()) {
      if (last_unit != max_ms) return refuse(text, "the last number has no unit");
    } else {
      const Unit* unit = take_unit(rest);
      if (unit == nullptr) return refuse(text, "the units are w, d, h, m or min, s and ms, and case matters");
      unit_ms = unit->ms;
    }
    if (unit_ms >= last_unit) return refuse(text, "units go from the largest down, each once");
    last_unit = unit_ms;
    const std::int64_t scaled = number.count * unit_ms;
    if (scaled % number.scale != 0) return refuse(text, "it is finer than a millisecond");
    if (scaled / number.scale > max_ms - total) return refuse(text, "it is longer than 100 years");
    total += scaled / number.scale;
    while (!rest.empty() && rest[0] == ' ' && rest.size() > 1) rest.remove_prefix(1);
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
  for (const Unit& unit : units) {
    if (unit.name == "w" || unit.name == "min" || unit.name == "ms") continue;
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
