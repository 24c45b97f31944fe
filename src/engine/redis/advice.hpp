// What to do about a failure, for `doctor`.
#pragma once

#include <string>

#include "engine/engine.hpp"

namespace condolock::engine::redis {

// One line. For an unknown failure it says where to look.
std::string advice_for(const Failure& failure);

}  // namespace condolock::engine::redis
