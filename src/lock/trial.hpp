// A run without a command, for `doctor`.
#pragma once

#include <optional>
#include <string>

#include "engine/finding.hpp"

namespace condolock::lock {

// Reads the namespace's index. Then acquires, renews, finishes and abandons a lease in the namespace, with slots, a waiter
// and --once, so that every script of a run uses every command that it may need. All keys that it writes, the index
// included, have a random name and are deleted at the end: no other command sees them. Stops at the first step that fails.
std::optional<engine::TrialFailure> try_run(const std::string& ns, const engine::Ask& ask);

}  // namespace condolock::lock
