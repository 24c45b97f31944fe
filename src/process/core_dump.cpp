#include "process/core_dump.hpp"

#include <sys/prctl.h>

namespace condolock::process {

void forbid_core_dump() { prctl(PR_SET_DUMPABLE, 0); }

}  // namespace condolock::process
