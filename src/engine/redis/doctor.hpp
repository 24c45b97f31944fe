// Whether a server is fit to guard runs.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/finding.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

// Asks the server itself; changes nothing there. Each question may take twice `patience`; the first that finds no server is
// the last. The keys are those of some job, which need not exist: the permission to use these is looked at.
std::vector<Finding> examine(Engine& engine, const Target& target, const std::vector<std::string>& keys, Millis patience);

}  // namespace condolock::engine::redis
