// What guards the commands of a trial.
#pragma once

#include <string>
#include <vector>

namespace chaos {

// How one run is asked for. Lengths are milliseconds.
struct Wish {
  std::string key;
  std::string socket;     // of the host's proxy
  std::string directory;  // of the trial
  std::int64_t lease = 0;
  std::int64_t wait = 0;  // for its turn; 0: not at all
  std::int64_t kill_after = 0;
  std::int64_t timeout = 0;  // of the command; 0: none
  std::string leftovers;     // leave, wait or kill
  std::string script;        // for sh -c
};

// The program and its arguments.
std::vector<std::string> condolock_command(const std::string& condolock, const Wish& wish);

}  // namespace chaos
