// The ancestors of this process, found in /proc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace condolock::process {

// Every ancestor of this process that is a condolock running the job `key`, with the key among its own arguments. A process
// ID alone does not identify a holder: every process of a container has an ancestor 1, and a dead holder's ID may belong to
// a shell now. Empty also if /proc does not show the ancestors.
std::vector<pid_t> runs_above_us(const std::string& key);

}  // namespace condolock::process
