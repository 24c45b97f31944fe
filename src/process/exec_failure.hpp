// Says why a command could not be executed, and what to write instead.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace condolock::process {

// The file that exec(3) takes for this name: the first in PATH that can be executed, or else the first that is there.
std::optional<std::string> find_program(const std::string& name);

// Why `argv` could not be executed, with a hint where there is one: "not found in PATH (for a shell line write: sh -c 'ls
// -la')". `error`: errno of the exec. `file`: what find_program() says of argv[0]. It looks at the file again, which may
// have changed.
std::string explain_exec_failure(int error, const std::optional<std::string>& file, const std::vector<std::string>& argv);

}  // namespace condolock::process
