// The scripts as Lua's bytecode, made at build time from the very sources that a Redis gets.
#pragma once

#include <string_view>

namespace condolock::engine::embedded {

// That is, or has, the script of that name, and wants this name as its argument; empty: there is none.
std::string_view compiled(std::string_view name);

}  // namespace condolock::engine::embedded
