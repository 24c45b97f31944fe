// Shared by all JSON output: optional numbers and times, and holders.
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
// "4121 web1" -> {"host": "web1", "pid": 4121}; the pid is null if it is not a number.
Json who_json(std::string_view who);

// The JSON text with a line feed at the end. Bytes that are not UTF-8 become U+FFFD. Characters that could control a
// terminal or hide text become \uXXXX. An indent of -1 makes one line.
std::string dumped(const Json& json, int indent);

}  // namespace condolock::cli
