// The config file: TOML, of which only `name = value` has a meaning here.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace condolock::cli {

// The options that can stand there, by their long names: what every command takes, and what run does unless it is told
// otherwise. Not what belongs to one job: its key, conditions and slots.
inline constexpr std::array<std::string_view, 19> config_names{
    "url",       "user",      "password-file",  "redis-timeout",  "namespace",  "quiet",  "verbose",
    "color",     "lease",     "wait",           "timeout",        "kill-after", "jitter", "success-code",
    "skip-code", "busy-code", "on-unreachable", "record-timeout", "history",
};

struct Setting {
  std::string name;
  std::vector<std::string> texts;  // as they would stand on the command line; several for an array
  std::string place;               // "/etc/condolock/config.toml:3"
};

// The file of that name; without one, the first that there is: $XDG_CONFIG_HOME/condolock/config.toml (~/.config where
// that is not set), /etc/condolock/config.toml; where there is none, no settings. A problem names file and line: no TOML, an
// unknown name, a value that is no text, number, truth or array of these, a file that others may write.
util::Result<std::vector<Setting>> read_config(const std::optional<std::string>& named);

}  // namespace condolock::cli
