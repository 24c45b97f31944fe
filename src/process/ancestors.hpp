// The processes above us, found in /proc.
#pragma once

#include <sys/types.h>

#include <string>

namespace condolock::process {

// Whether `pid` is a condolock above this process that runs the job `key`: it has the key among its own arguments. The
// number alone would not do: pid 1 is above every process of a container, and a dead holder's number may belong to a shell
// now. False also if /proc does not show it.
bool is_run_above_us(pid_t pid, const std::string& key);

}  // namespace condolock::process
