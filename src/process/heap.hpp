// The heap of this process.
#pragma once

namespace condolock::process {

// Faults in at once what the embedded engine's libraries will need of the heap: page by page that would be forty faults, in
// one go the same pages cost half. Changes malloc's thresholds for the whole process, for good. Where the kernel
// (before 5.14) or the C library can't do it, nothing happens.
void populate_heap();

}  // namespace condolock::process
