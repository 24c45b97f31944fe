// Exit codes. 64 to 78 have the meanings of sysexits.h; 79 is condolock's own. 124 is that of timeout(1), 126 and 127 are
// those of the shell.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/engine.hpp"

namespace condolock::exit_code {

inline constexpr int ok = 0;
inline constexpr int unknown_key = 1;
inline constexpr int doctor_warnings = 1;
inline constexpr int doctor_errors = 2;
inline constexpr int usage = 64;
inline constexpr int malformed = 65;
inline constexpr int unreachable = 69;
inline constexpr int internal = 70;
inline constexpr int not_recorded = 74;
inline constexpr int skipped = 75;
inline constexpr int unexpected = 76;
inline constexpr int denied = 77;
inline constexpr int configuration = 78;
inline constexpr int lost = 79;
inline constexpr int timeout = 124;
inline constexpr int not_executable = 126;
inline constexpr int not_found = 127;

struct Described {
  int code;
  std::string_view meaning;
};

// The only list of exit codes with their meaning. `condolock --help` prints it; a test compares README and man page with it.
inline constexpr std::array<Described, 15> table{{
    {unknown_key, "status, history: there is no record of a key; doctor: warnings"},
    {doctor_errors, "doctor: errors"},
    {usage, "usage: the command line is wrong"},
    {malformed, "a stored record is malformed or not ours; nothing was overwritten"},
    {unreachable, "no answer from Redis, or it takes no writes"},
    {internal, "internal error"},
    {not_recorded, "the command succeeded but that could not be recorded (it may run again)"},
    {skipped, "skipped: condition, pause, or lease held (-E and --busy-code change it)"},
    {unexpected, "unexpected reply"},
    {denied, "authentication or permission"},
    {configuration, "configuration"},
    {lost, "the lease was lost while the command ran; the command was stopped"},
    {timeout, "--timeout was reached; the command was stopped"},
    {not_executable, "the command was found but can't be executed"},
    {not_found, "the command was not found"},
}};

// The exit code for a failed call to the engine.
constexpr int of(engine::Fault fault) {
  switch (fault) {
    case engine::Fault::unreachable:
    case engine::Fault::not_ready:
    case engine::Fault::local:
    case engine::Fault::not_primary:
    case engine::Fault::write_refused:
      return unreachable;
    case engine::Fault::denied:
      return denied;
    case engine::Fault::misconfigured:
      return configuration;
    case engine::Fault::malformed:
      return malformed;
    case engine::Fault::unexpected:
      return unexpected;
  }
  return internal;
}

}  // namespace condolock::exit_code
