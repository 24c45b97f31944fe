// The processes below us, found in /proc.
#pragma once

namespace condolock::process {

// Sends the signal to every living descendant of this process. KILL is sent again until none is left, since one may fork
// between the look and the signal.
void signal_descendants(int signal);

}  // namespace condolock::process
