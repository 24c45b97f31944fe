// Says why a command could not be executed, and what to write instead.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace condolock::process {

// The file that exec(3) takes for this name: the first executable one in PATH, else the first one that exists.
std::optional<std::string> find_program(const std::string& name);

// Why `argv` could not be executed, with a hint if there is one: "not found in PATH (for a shell line write: sh -c 'ls
// -la')". `error`: errno of the exec. `file`: the result of find_program(argv[0]). Looks at the file again; it may have
// changed.
std::string explain_exec_failure(int error, const std::optional<std::string>& file, const std::vector<std::string>& argv);

}  // namespace condolock::process
