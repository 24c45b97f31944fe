// The commands. Each takes what stands behind its name, already split at the first `--`, and says how it ended.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ending.hpp"

namespace condolock::cli {

struct Arguments {
  std::vector<std::string> own;   // before the first --
  bool has_separator = false;     // there was one
  std::vector<std::string> rest;  // behind it
};

Ending run_command(const Arguments& arguments);
Ending check_command(const Arguments& arguments);
Ending touch_command(const Arguments& arguments);
Ending status_command(const Arguments& arguments);
Ending pause_command(const Arguments& arguments);
Ending resume_command(const Arguments& arguments);
Ending unlock_command(const Arguments& arguments);
Ending list_command(const Arguments& arguments);
Ending history_command(const Arguments& arguments);
Ending reset_command(const Arguments& arguments);
Ending doctor_command(const Arguments& arguments);

struct Command {
  std::string_view name;
  std::string_view summary;
  Ending (*main)(const Arguments& arguments);
};

inline constexpr std::array<Command, 11> commands{{
    {"run", "run a command if the conditions hold and nobody else runs it", run_command},
    {"check", "say whether it would run, and why not; changes nothing", check_command},
    {"touch", "record a success (or failure) without running anything", touch_command},
    {"status", "show what is remembered of keys", status_command},
    {"list", "show all keys, for people, scripts or Prometheus", list_command},
    {"history", "show the last runs of a key", history_command},
    {"pause", "grant no further run of a key", pause_command},
    {"resume", "lift a pause", resume_command},
    {"unlock", "revoke a lease", unlock_command},
    {"reset", "forget what is remembered of keys", reset_command},
    {"doctor", "say whether Redis is fit for this, and what to do", doctor_command},
}};

// The whole program but for the last catch.
Ending main(const std::vector<std::string>& arguments);

}  // namespace condolock::cli
