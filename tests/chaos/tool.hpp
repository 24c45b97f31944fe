// The tool that guards the commands of a trial: condolock, or what people use instead (docs/rivals.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

// The options of one run. Lengths are milliseconds. A tool ignores options that it does not have.
struct Wish {
  std::string condolock;  // path of the program
  std::string scripts;    // the directory of redis-script and cronlock
  std::string key;
  std::string socket;     // of the host's proxy
  std::string directory;  // of the trial
  std::int64_t lease = 0;
  std::int64_t wait = 0;  // for the lease; 0: not at all
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

// All tools. The first is condolock.
std::span<const Tool> tools();
const Tool* tool_named(std::string_view name);  // nullptr: unknown

}  // namespace chaos
