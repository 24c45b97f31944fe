// Prepares the heap of this process.
#pragma once

namespace condolock::process {

// Maps the 160 kB of heap that Lua and SQLite are about to use. One call costs half as much as forty page faults. It changes
// malloc's thresholds for the rest of the process. Does nothing with a kernel before 5.14, or with another C library than
// glibc.
void populate_heap();

}  // namespace condolock::process
