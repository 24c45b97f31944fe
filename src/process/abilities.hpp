// The system calls that a run needs for its processes, and that the kernel or a sandbox refuses.
#pragma once

#include <string>
#include <vector>

namespace condolock::process {

struct Lack {
  std::string what;    // is not possible here, and why: "cannot read /proc"
  std::string effect;  // on a run
  std::string advice;
};

// Tries them. Empty: a run can end all of its processes, whatever happens to condolock. This process adopts orphans from now
// on.
std::vector<Lack> find_lacks();

}  // namespace condolock::process
