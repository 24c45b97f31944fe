// Checks whether a server is safe to use, for `doctor`.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/finding.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

// Asks the server; changes no data. Each request may take twice `patience`. Sends PING first, and stops if the server can't
// be reached or refuses the user. `keys`: those of any job, at least one; they need not exist. The user's permission for
// them is checked.
std::vector<Finding> examine(Engine& engine, const Target& target, const std::vector<std::string>& keys, Millis patience);

}  // namespace condolock::engine::redis
