// The pieces that every JSON output is made of: numbers and times that may be missing, holders.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace condolock::cli {

using Json = nlohmann::ordered_json;

inline constexpr int json_schema = 1;

// {"ms": epoch milliseconds, "rfc3339": text}, or null.
Json time_json(std::optional<std::int64_t> at);
Json number_json(std::optional<std::int64_t> number);
// "4121 web1" -> {"host": "web1", "pid": 4121}; the pid is null where it is no number.
Json who_json(std::string_view who);

// With a line feed behind it. Text that is not UTF-8 has its bad bytes replaced by U+FFFD. An indent of -1 makes one line.
std::string dumped(const Json& json, int indent);

}  // namespace condolock::cli
