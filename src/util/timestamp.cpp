#include "util/timestamp.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace condolock::util {
namespace {

std::string format(const char* pattern, std::int64_t epoch_ms) {
  const auto seconds = static_cast<std::time_t>(epoch_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(epoch_ms);
  std::array<char, 64> out{};
  return {out.data(), std::strftime(out.data(), out.size(), pattern, &parts)};
}

// Empty: the time is too far away.
std::string format_local(const char* pattern, std::int64_t epoch_ms) {
  const auto seconds = static_cast<std::time_t>(epoch_ms / 1000);
  std::tm parts{};
  tzset();  // localtime_r() need not
  if (localtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 64> out{};
  return {out.data(), std::strftime(out.data(), out.size(), pattern, &parts)};
}

}  // namespace

std::string format_time(std::int64_t epoch_ms) { return format("%Y-%m-%d %H:%M:%S UTC", epoch_ms); }

std::string format_seconds(std::int64_t ms) {
  const std::string fraction = std::to_string(1000 + ms % 1000);
  return std::to_string(ms / 1000) + "." + fraction.substr(1);
}

std::string format_rfc3339(std::int64_t epoch_ms) {
  std::array<char, 8> ms{};
  std::snprintf(ms.data(), ms.size(), ".%03dZ", static_cast<int>(epoch_ms % 1000));
  return format("%Y-%m-%dT%H:%M:%S", epoch_ms) + ms.data();
}

std::string format_local_rfc3339(std::int64_t epoch_ms) {
  std::string text = format_local("%Y-%m-%dT%H:%M:%S%z", epoch_ms);
  if (text.empty()) return format_rfc3339(epoch_ms);
  return text.insert(text.size() - 2, ":");  // %z has no colon
}

std::string format_local_time(std::int64_t epoch_ms) {
  const std::string text = format_local("%Y-%m-%d %H:%M:%S %Z", epoch_ms);
  return text.empty() ? format_time(epoch_ms) : text;
}

}  // namespace condolock::util
