// Keeps the password out of core dumps.
#pragma once

namespace condolock::process {

// Forbids core dumps of this process. Also forbids other processes of the same user to read its memory and environment in
// /proc. The password may be in the arguments, in the environment and in memory, so call this first. A program that this
// process executes is dumpable again, and its resource limits are the caller's.
void forbid_core_dump();

}  // namespace condolock::process
