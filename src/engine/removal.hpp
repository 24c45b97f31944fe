// How the operator removes a damaged key.
#pragma once

#include <string>
#include <string_view>

namespace condolock::engine {

// For the end of a message about a malformed record: " (condolock reset K --yes removes it)". For a key that belongs to no
// single job: the DEL of redis-cli. `stored` is the name in the engine: "{ns}:job:K", "{ns}:index". Empty for a name that is
// too long to be condolock's.
std::string how_to_remove(std::string_view stored);

}  // namespace condolock::engine
