// The scripts as Lua bytecode, compiled at build time from the sources that Redis gets.
#pragma once

#include <string_view>

namespace condolock::engine::embedded {

// The bytecode chunk that contains the script `name`. The chunk takes that name as its argument. Empty: no such script.
std::string_view compiled(std::string_view name);

}  // namespace condolock::engine::embedded
