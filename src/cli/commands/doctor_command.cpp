#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output/json.hpp"
#include "cli/output/table.hpp"

namespace condolock::cli {
namespace {

using Level = engine::Finding::Level;

constexpr CommandSpec doctor_spec{"condolock doctor [--json]", R"(
Asks the server itself, or looks at the directory, and changes nothing there.

Exit code: 0; 1 when there are warnings, or something could not be found out;
2 when there are errors.

Example:
  condolock doctor --url redis://db1
)",
                                  CommandSpec::Takes::nothing};

std::string name_of(Level level) {
  switch (level) {
    case Level::good:
      return "ok";
    case Level::unknown:
      return "unknown";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "";
}

Tint tint_of(Level level) {
  if (level == Level::good) return Tint::good;
  return level == Level::unknown ? Tint::dim : Tint::bad;
}

std::string text_of(const std::vector<engine::Finding>& findings, const Palette& palette) {
  std::vector<Row> rows;
  for (const engine::Finding& finding : findings) {
    rows.push_back({{name_of(finding.level), tint_of(finding.level)}, {finding.check}, {finding.found}});
    if (!finding.advice.empty()) rows.push_back({{""}, {""}, {"-> " + finding.advice}});
  }
  return table_text(rows, palette);
}

std::string json_of(const std::vector<engine::Finding>& findings, const std::string& engine, const std::string& server) {
  Json checks = Json::array();
  for (const engine::Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"level", name_of(finding.level)},
                      {"found", finding.found},
                      {"advice", finding.advice.empty() ? Json(nullptr) : Json(finding.advice)}});
  }
  return dumped({{"schema", 1}, {"engine", engine}, {"server", server}, {"checks", checks}}, 2);
}

}  // namespace

CommandResult doctor_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool json = false;
  Options options("doctor");
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto result = parse(options, arguments, doctor_spec, globals, args)) return *result;

  const auto findings = engine::examine(globals.location, job_of(globals, "doctor").keys(), globals.redis_timeout);
  const auto has = [&](Level level) {
    return std::any_of(findings.begin(), findings.end(), [&](const engine::Finding& f) { return f.level == level; });
  };
  int code = exit_code::ok;
  if (has(Level::warning) || has(Level::unknown)) code = exit_code::doctor_warnings;
  if (has(Level::error)) code = exit_code::doctor_errors;
  return {code, "",
          json ? json_of(findings, std::string(engine::kind_of(globals.location)), engine::shown(globals.location))
               : text_of(findings, Palette(STDOUT_FILENO))};
}

}  // namespace condolock::cli
