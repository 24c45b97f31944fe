// Whether a directory is fit to guard the runs of one machine.
#pragma once

#include <vector>

#include "engine/embedded/location.hpp"
#include "engine/finding.hpp"

namespace condolock::engine::embedded {

// Makes nothing that is not there.
std::vector<Finding> examine(const DatabaseLocation& location);

}  // namespace condolock::engine::embedded
