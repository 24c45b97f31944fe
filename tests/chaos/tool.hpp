// What guards the commands of a trial: condolock, or what people use instead (docs/rivals.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

// How one run is asked for. Lengths are milliseconds. A tool leaves out what it has no option for.
struct Wish {
  std::string condolock;  // the program
  std::string scripts;    // the directory of redis-script and cronlock
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

enum class Needs : std::uint8_t { no_server, redis, etcd };

struct Tool {
  const char* name;
  const char* title;  // in the table
  Needs needs;
  std::vector<std::string> (*command)(const Wish& wish);  // the program and its arguments
};

// condolock is the first.
std::span<const Tool> tools();
const Tool* tool_named(std::string_view name);  // nullptr: there is none

}  // namespace chaos
