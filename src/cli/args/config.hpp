// The config file: TOML, with `name = value` at the top level only.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace condolock::cli {

// Long names of the options that the file may set: the options of every command, and the defaults of run. Options of one
// job are not among them: its key, conditions and slots.
inline constexpr std::array<std::string_view, 27> config_names{
    "url",
    "user",
    "password-file",
    "tls-cacert",
    "tls-cert",
    "tls-key",
    "tls-sni",
    "tls-insecure",
    "redis-timeout",
    "namespace",
    "quiet",
    "verbose",
    "color",
    "lease",
    "wait",
    "timeout",
    "kill-after",
    "jitter",
    "success-code",
    "skip-code",
    "busy-code",
    "on-unreachable",
    "record-timeout",
    "history",
    "wait-replicas",
    "sentinel-user",
    "sentinel-password-file",
};

struct Setting {
  std::string name;
  std::vector<std::string> texts;  // as on the command line; several for an array
  std::string source;              // "/etc/condolock/config.toml:3"
};

struct Config {
  std::vector<Setting> settings;
  std::string path;         // of the file; empty: none was read
  bool is_exposed = false;  // other users can read the file
};

// Reads the file `named`. Without a name it reads the first file that exists, if any:
//   $XDG_CONFIG_HOME/condolock/config.toml ($HOME/.config if the variable is not an absolute path; skipped if HOME is not
//   one either)
//   /etc/condolock/config.toml
// /dev/null counts as an empty file. These are problems, and the text names the file, and the line if there is one: invalid
// TOML; an unknown name; a value that is not a string, number, boolean or array; a file that read_trusted refuses.
util::Result<Config> read_config(const std::optional<std::string>& named);

// The settings in the text of the file `path`.
util::Result<std::vector<Setting>> parse_config(std::string_view text, const std::string& path);

}  // namespace condolock::cli
