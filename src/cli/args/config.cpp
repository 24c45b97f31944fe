#include "cli/args/config.hpp"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>

#include "cli/args/config_text.hpp"
#include "cli/args/trusted_file.hpp"
#include "util/environment.hpp"
#include "util/escape.hpp"
#include "util/nearest.hpp"

namespace condolock::cli {
namespace {

// The user's directory of config files; empty if there is none. The XDG base directory specification says to ignore a path
// that is not absolute.
std::string config_home() {
  std::string directory = util::from_environment("XDG_CONFIG_HOME");
  if (directory.starts_with('/')) return directory;
  const std::string home = util::from_environment("HOME");
  return home.starts_with('/') ? home + "/.config" : "";
}

std::string find() {
  for (const std::string& directory : {config_home(), std::string("/etc")}) {
    std::string path = directory + "/condolock/config.toml";
    if (!directory.empty() && access(path.c_str(), F_OK) == 0) return path;
  }
  return "";
}

std::optional<std::string> text_of(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return text;
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto number = node.value_exact<double>()) return std::to_string(*number);
  return std::nullopt;
}

// None if the value, or one element of the array, has another type.
std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
  std::vector<std::string> out;
  const auto add = [&out](const toml::node& one) {
    if (auto text = text_of(one)) out.push_back(*std::move(text));
  };
  const auto* array = node.as_array();
  if (array == nullptr) {
    add(node);
  } else {
    for (const toml::node& one : *array) add(one);
  }
  if (out.size() != (array == nullptr ? 1 : array->size())) return std::nullopt;
  return out;
}

util::Result<std::vector<Setting>> settings_of(const toml::table& table, const std::string& path) {
  std::vector<Setting> out;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const std::string source = util::escape(path) + ":" + std::to_string(key.source().begin.line);
    if (node.is_table() || node.is_array_of_tables()) {
      return util::Problem{source + ": sections are not allowed: remove [" + util::escape(name) + "]"};
    }
    if (std::find(config_names.begin(), config_names.end(), name) == config_names.end()) {
      return util::Problem{source + ": unknown setting '" + util::escape(name) + "'" +
                           util::did_you_mean(name, {config_names.begin(), config_names.end()}) +
                           "; see FILES in condolock(1)"};
    }
    auto texts = texts_of(node);
    if (!texts) {
      return util::Problem{std::string(source).append(": ").append(name) +
                           " must be a string, a number, true, false or an array of these"};
    }
    out.push_back({name, *std::move(texts), source});
  }
  return out;
}

}  // namespace

util::Result<Config> read_config(const std::optional<std::string>& named) {
  const std::string path = named ? *named : find();
  if ((path.empty() && !named) || path == "/dev/null") return Config();
  const auto file = read_trusted("the config file", path);
  if (!file) return file.error();
  auto settings = parse_config(file->text, path);
  if (!settings) return settings.error();
  return Config{*std::move(settings), path, file->is_exposed};
}

util::Result<std::vector<Setting>> parse_config(std::string_view text, const std::string& path) {
  if (auto problem = check_config_text(text, path)) return *std::move(problem);
  try {
    return settings_of(toml::parse(text), path);
  } catch (const toml::parse_error& error) {
    return util::Problem{util::escape(path) + ":" + std::to_string(error.source().begin.line) + ": " +
                         util::escape(std::string(error.description())) + " (strings need quotes)"};
  }
}

}  // namespace condolock::cli
