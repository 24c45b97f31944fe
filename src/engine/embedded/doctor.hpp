// doctor's checks for the embedded engine: is the directory safe to use?
#pragma once

#include <vector>

#include "engine/embedded/location.hpp"
#include "engine/finding.hpp"

namespace condolock::engine::embedded {

// Creates no directory and no database.
std::vector<Finding> examine(const DatabaseLocation& location);

}  // namespace condolock::engine::embedded
