// The config file: every text gives settings with known names, or one line that names the file, the line and the reason.
#include "cli/args/config.hpp"

#include <algorithm>

#include "cli/args/globals.hpp"
#include "fuzz.hpp"
#include "util/number.hpp"

using namespace condolock;

namespace {

// The text after "PATH:LINE"; LINE must be a line of the input.
std::string after_place(std::string_view text, std::string_view input) {
  fuzz::must(text.starts_with("/c.toml:"), "a message does not begin with the file's path");
  text.remove_prefix(8);
  const std::size_t end = std::min(text.find(':'), text.size());
  const auto line = util::parse_number<std::int64_t>(text.substr(0, end));
  fuzz::must(line && *line >= 1 && *line <= 1 + std::count(input.begin(), input.end(), '\n'), "a message names no line");
  return std::string(text.substr(end));
}

void check_settings(const std::vector<cli::Setting>& settings, std::string_view input) {
  for (const cli::Setting& setting : settings) {
    fuzz::must(std::count(cli::config_names.begin(), cli::config_names.end(), setting.name) == 1, "an unknown name is read");
    fuzz::must(after_place(setting.source, input).empty(), "a source is more than a place");
  }
  cli::Options options("run");
  cli::Globals globals;
  cli::declare(options, globals);
  if (const auto problem = options.read_settings(settings)) fuzz::must_be_message(problem->error);
}

}  // namespace

void fuzz::check(std::string_view input) {
  const auto settings = cli::parse_config(input, "/c.toml");
  if (settings) return check_settings(*settings, input);
  must_be_message(settings.error().text);
  must(after_place(settings.error().text, input).starts_with(": "), "a message gives no reason");
}
