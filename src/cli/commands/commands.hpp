// The commands. Each takes the arguments without its own name, split at the first `--`, and returns how it ended.
#pragma once

#include <array>
#include <string_view>

#include "cli/args/raw_arguments.hpp"
#include "cli/output/command_result.hpp"

namespace condolock::cli {

CommandResult run_command(const RawArguments& arguments);
CommandResult check_command(const RawArguments& arguments);
CommandResult touch_command(const RawArguments& arguments);
CommandResult status_command(const RawArguments& arguments);
CommandResult pause_command(const RawArguments& arguments);
CommandResult resume_command(const RawArguments& arguments);
CommandResult unlock_command(const RawArguments& arguments);
CommandResult list_command(const RawArguments& arguments);
CommandResult history_command(const RawArguments& arguments);
CommandResult reset_command(const RawArguments& arguments);
CommandResult doctor_command(const RawArguments& arguments);
CommandResult completion_command(const RawArguments& arguments);
CommandResult help_command(const RawArguments& arguments);
CommandResult version_command(const RawArguments& arguments);

struct Command {
  std::string_view name;
  std::string_view summary;
  CommandResult (*main)(const RawArguments& arguments);
};

inline constexpr std::array<Command, 14> commands{{
    {"run", "run a command if its conditions hold and nobody else runs it", run_command},
    {"check", "report whether it would run, and why not; changes nothing", check_command},
    {"touch", "record a success (or failure) without running anything", touch_command},
    {"status", "show the records of keys", status_command},
    {"list", "show all keys, for people, scripts or Prometheus", list_command},
    {"history", "show the last runs of a key", history_command},
    {"pause", "block new runs of keys", pause_command},
    {"resume", "end the pause of keys", resume_command},
    {"unlock", "revoke a lease", unlock_command},
    {"reset", "delete the records of keys", reset_command},
    {"doctor", "check that the server is safe to use, and how to fix it", doctor_command},
    {"completion", "print the completion script of a shell", completion_command},
    {"help", "print this help, or that of one command", help_command},
    {"version", "print the version, as --version does", version_command},
}};

}  // namespace condolock::cli
