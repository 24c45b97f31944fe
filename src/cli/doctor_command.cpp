#include <unistd.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/key.hpp"
#include "cli/table.hpp"
#include "engine/redis/doctor.hpp"
#ifdef CONDOLOCK_EMBEDDED
#include "engine/embedded/doctor.hpp"
#endif

namespace condolock::cli {
namespace {

using Level = Finding::Level;

constexpr Frame frame{"condolock doctor [--json]", R"(
Asks the server itself, or looks at the directory, and changes nothing there.

Exit code: 0; 1 when there are warnings, or something could not be found out;
2 when there are errors.

Example:
  condolock doctor --url redis://db1
)",
                      Frame::Takes::nothing};

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

std::string text_of(const std::vector<Finding>& findings, const Palette& palette) {
  std::vector<Row> rows;
  for (const Finding& finding : findings) {
    rows.push_back({{name_of(finding.level), tint_of(finding.level)}, {finding.check}, {finding.found}});
    if (!finding.advice.empty()) rows.push_back({{""}, {""}, {"-> " + finding.advice}});
  }
  return table_text(rows, palette);
}

std::string json_of(const std::vector<Finding>& findings, const std::string& engine, const std::string& server) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"level", name_of(finding.level)},
                      {"found", finding.found},
                      {"advice", finding.advice.empty() ? Json(nullptr) : Json(finding.advice)}});
  }
  return dumped({{"schema", 1}, {"engine", engine}, {"server", server}, {"checks", checks}}, 2);
}

std::vector<Finding> examine(const Globals& globals) {
#ifdef CONDOLOCK_EMBEDDED
  if (globals.place) return embedded::examine(*globals.place);
#endif
  const auto engine = open_engine(globals);
  return redis::examine(*engine, globals.target, job_of(globals, "doctor").keys(), globals.redis_timeout);
}

}  // namespace

Ending doctor_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  bool json = false;
  Options options("doctor");
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  const auto findings = examine(globals);
  const auto has = [&](Level level) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.level == level; });
  };
  int code = exit_code::ok;
  if (has(Level::warning) || has(Level::unknown)) code = exit_code::doctor_warnings;
  if (has(Level::error)) code = exit_code::doctor_errors;
  return {code, "",
          json ? json_of(findings, globals.place ? "file" : "redis",
                         globals.place ? globals.place->directory : globals.target.shown())
               : text_of(findings, Palette(STDOUT_FILENO))};
}

}  // namespace condolock::cli
