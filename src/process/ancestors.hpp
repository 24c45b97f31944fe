// The processes above us, found in /proc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace condolock::process {

// Every ancestor of this process that is a condolock which runs the job `key`: it has the key among its own arguments.
// Its number alone would not do: pid 1 is above every process of a container, and a dead holder's number may belong to a
// shell now. Empty also if /proc does not show them.
std::vector<pid_t> runs_above_us(const std::string& key);

}  // namespace condolock::process
