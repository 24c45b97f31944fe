// Turns this process into another program of the same installation.
#pragma once

#include <string>

namespace condolock::process {

// Executes the program `name`, with the same arguments and environment, from this program's directory or from the directory
// with the relative path `other` from there. Returns only if it can't, and then says why.
std::string exec_beside(const std::string& name, const std::string& other, char** argv);

}  // namespace condolock::process
