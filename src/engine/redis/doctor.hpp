// Checks whether a server is safe to use, for `doctor`.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/finding.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

struct Subject {
  std::vector<std::string> keys;  // those of any job, at least one; they need not exist. The user's permission is checked.
  Trial trial;
};

// Asks the server. Removes what the trial writes. One request may take `patience`, and all of them together three times as
// long. Sends PING first, and stops if the server keeps no records or refuses the user.
Diagnosis examine(Engine& engine, const Target& target, const Subject& subject, Millis patience);

}  // namespace condolock::engine::redis
