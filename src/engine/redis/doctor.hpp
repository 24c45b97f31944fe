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

// Asks the server. What the trial writes it removes again. One request may take `patience`, and everything three times as
// long. Sends PING first, and stops if there is no server that could keep records, or if it refuses the user.
Diagnosis examine(Engine& engine, const Target& target, const Subject& subject, Millis patience);

}  // namespace condolock::engine::redis
