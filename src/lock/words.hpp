// Decisions in words, the same for the command line and the library.
#pragma once

#include <string>
#include <vector>

#include "lock/verbs.hpp"

namespace condolock::lock {

// "held by web1 (pid 4121) for 41s": why a run with so many slots is refused.
std::string held_by(const Held& held, std::int64_t slots);
// "paused for another 29m: reason", "paused until it is resumed".
std::string shown(const Paused& paused);
// Why a run with these conditions and so many slots is refused; empty for a grant.
std::string why_not(const Decision& decision, const std::vector<Condition>& conditions, std::int64_t slots);

}  // namespace condolock::lock
