#include "util/time_point.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::util {
namespace {

Problem not_a_time(std::string_view text) {
  return Problem{"invalid time '" + escape(text) + "': use 2h, 2d, today, yesterday, 2026-11-26 or '2026-11-26 08:00'"};
}

std::int64_t epoch_of(std::tm parts, Zone zone) {
  parts.tm_isdst = -1;
  return std::int64_t{1000} * (zone == Zone::utc ? timegm(&parts) : mktime(&parts));
}

std::int64_t midnight(std::int64_t now, Zone zone, int days_back) {
  const auto seconds = static_cast<std::time_t>(now / 1000);
  std::tm parts{};
  if (zone == Zone::utc) {
    gmtime_r(&seconds, &parts);
  } else {
    localtime_r(&seconds, &parts);
  }
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  parts.tm_mday -= days_back;
  return epoch_of(parts, zone);
}

// Removes the pattern from the front of the text: % stands for a digit. `numbers` gets the digits as numbers, separated by
// the other characters.
template <std::size_t N>
bool take(std::string_view& text, std::string_view pattern, std::array<int, N>& numbers) {
  if (text.size() < pattern.size()) return false;
  std::size_t at = 0;
  bool in_number = false;
  std::array<int, N> found{};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = text[i];
    if (pattern[i] != '%') {
      if (c != pattern[i]) return false;
      if (in_number) ++at;
      in_number = false;
      continue;
    }
    if (c < '0' || c > '9') return false;
    in_number = true;
    found.at(at) = found.at(at) * 10 + (c - '0');
  }
  numbers = found;
  text.remove_prefix(pattern.size());
  return true;
}

// Removes "Z" or "+01:00" from the end. Returns minutes to the east; none: there is no offset.
std::optional<int> take_offset(std::string_view& text) {
  if (text == "Z" || text == "z") {
    text = {};
    return 0;
  }
  std::array<int, 2> parts{};
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  std::string_view rest = text.substr(1);
  if (!take(rest, "%%:%%", parts) || parts[0] > 14 || parts[1] > 59) return std::nullopt;
  text = rest;
  return sign * (parts[0] * 60 + parts[1]);
}

}  // namespace

Result<std::int64_t> parse_time_point(std::string_view text, std::int64_t now, Zone zone) {
  tzset();  // mktime() does, but localtime_r() need not
  if (text == "now") return now;
  if (text == "today") return midnight(now, zone, 0);
  if (text == "yesterday") return midnight(now, zone, 1);
  if (text.starts_with('@')) {
    const auto seconds = parse_number<std::int64_t>(text.substr(1));
    if (!seconds || *seconds < 0 || *seconds > 9'000'000'000'000) return not_a_time(text);
    return *seconds * 1000;
  }
  std::array<int, 3> date{};
  std::string_view rest = text;
  if (!take(rest, "%%%%-%%-%%", date)) {
    const auto back = parse_duration(text);
    if (!back) return not_a_time(text);
    return now - back->count();
  }
  std::array<int, 3> time{};
  if (!rest.empty() && (rest[0] == 'T' || rest[0] == ' ')) {
    rest.remove_prefix(1);
    if (!take(rest, "%%:%%:%%", time) && !take(rest, "%%:%%", time)) return not_a_time(text);
    if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  }
  const auto offset = rest.empty() ? std::nullopt : take_offset(rest);
  std::tm parts{};
  parts.tm_year = date[0] - 1900;
  parts.tm_mon = date[1] - 1;
  parts.tm_mday = date[2];
  parts.tm_hour = time[0];
  parts.tm_min = time[1];
  parts.tm_sec = time[2];
  const bool is_real = date[0] >= 1970 && date[1] >= 1 && date[1] <= 12 && date[2] >= 1 && date[2] <= 31 && time[0] <= 23 &&
                       time[1] <= 59 && time[2] <= 60;
  if (!rest.empty() || !is_real) return not_a_time(text);
  // timegm() turns November 31 into December 1.
  std::tm normal = parts;
  normal.tm_hour = normal.tm_min = normal.tm_sec = 0;
  timegm(&normal);
  if (normal.tm_mday != date[2]) return not_a_time(text);
  if (offset) return epoch_of(parts, Zone::utc) - std::int64_t{60'000} * *offset;
  return epoch_of(parts, zone);
}

}  // namespace condolock::util
