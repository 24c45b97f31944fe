// What to do about a failure, for `doctor`.
#pragma once

#include <string>

#include "engine/engine.hpp"

namespace condolock::engine::redis {

// One line. A failure that is not known gets a line, too: where to look.
std::string advice_for(const Failure& failure);

}  // namespace condolock::engine::redis
