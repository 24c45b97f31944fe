// What a user must be allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace condolock::engine::redis {

// Every Redis command that the scripts and the program use.
std::vector<std::string> used_commands();

// One of these with arguments that a server takes for correct, on the keys of some job; none for a command that is not known
// here.
std::optional<std::vector<std::string>> sample_of(std::string_view command, const std::vector<std::string>& keys);

}  // namespace condolock::engine::redis
