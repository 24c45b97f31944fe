// Which system calls for the processes of a run the kernel, or a sandbox, refuses.
#pragma once

#include <string>
#include <vector>

namespace condolock::process {

struct Lack {
  std::string what;    // is not possible here, and why: "cannot read /proc"
  std::string effect;  // for a run
  std::string advice;
};

// Tries it. Empty: all of a run can be ended, whatever happens to condolock. This process adopts orphans from now on.
std::vector<Lack> find_lacks();

}  // namespace condolock::process
