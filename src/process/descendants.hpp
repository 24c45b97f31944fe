// The processes below us, found in /proc.
#pragma once

#include <sys/types.h>

#include <vector>

namespace condolock::process {

// Our own children now. A shell leaves some: `condolock ... 2> >(logger)` makes logger one.
std::vector<pid_t> living_children();

// Sends the signal to every living descendant of this process but those and what is below them. KILL is sent again until
// none is left, since one may fork between the look and the signal.
void signal_descendants(int signal, const std::vector<pid_t>& but);

}  // namespace condolock::process
