// Whether a directory is fit to guard the runs of one machine.
#pragma once

#include <vector>

#include "engine/embedded/place.hpp"
#include "engine/finding.hpp"

namespace condolock::embedded {

// Makes nothing that is not there.
std::vector<Finding> examine(const Place& place);

}  // namespace condolock::embedded
