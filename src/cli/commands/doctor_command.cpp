#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output/json.hpp"
#include "cli/output/table.hpp"
#include "engine/ask.hpp"
#include "lock/clock_survey.hpp"
#include "lock/trial.hpp"
#include "process/abilities.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

using Level = engine::Finding::Level;

constexpr CommandSpec doctor_spec{"condolock doctor [--json]", R"(
Checks the server, or the directory of file:. On a server it also makes a trial
run on keys of its own, and deletes them. It takes at most four times
--redis-timeout.

Exit code: 0; 1 with warnings or unknown results; 2 with errors.

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

class DoctorResult {
 public:
  DoctorResult(const Globals& globals, engine::Diagnosis diagnosis) : globals_(globals), diagnosis_(std::move(diagnosis)) {}

  int exit_code() const {
    if (count(Level::error) > 0) return exit_code::doctor_errors;
    return count(Level::warning) + count(Level::unknown) > 0 ? exit_code::doctor_warnings : exit_code::ok;
  }

  std::string text(const Palette& palette) const {
    std::vector<Row> rows;
    for (const engine::Finding& finding : diagnosis_.findings) {
      rows.push_back({{name_of(finding.level), tint_of(finding.level)}, {finding.check}, {finding.found}});
      if (!finding.advice.empty()) rows.push_back({{""}, {""}, {"-> " + finding.advice}});
    }
    return heading() + "\n" + table_text(rows, palette) + summary() + "\n";
  }

  std::string json() const {
    Json checks = Json::array();
    for (const engine::Finding& finding : diagnosis_.findings) {
      checks.push_back({{"check", finding.check},
                        {"level", name_of(finding.level)},
                        {"found", finding.found},
                        {"advice", or_null(finding.advice)}});
    }
    const auto database = engine::database_of(globals_.location);
    return dumped({{"schema", 1},
                   {"engine", engine::kind_of(globals_.location)},
                   {"server", engine::shown(globals_.location)},
                   {"database", database ? Json(*database) : Json(nullptr)},
                   {"product", or_null(diagnosis_.product)},
                   {"version", or_null(diagnosis_.version)},
                   {"role", or_null(diagnosis_.role)},
                   {"can_run", diagnosis_.can_run},
                   {"summary", summary()},
                   {"checks", checks}},
                  2);
  }

 private:
  static Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

  std::ptrdiff_t count(Level level) const {
    return std::count_if(diagnosis_.findings.begin(), diagnosis_.findings.end(),
                         [&](const engine::Finding& finding) { return finding.level == level; });
  }

  // "db1:6379/0: Redis 7.0.15, primary"
  std::string heading() const {
    std::string out = util::escape(engine::shown(globals_.location));
    if (const auto database = engine::database_of(globals_.location)) {
      out += (out.find_first_of("/ ") == std::string::npos ? "/" : ", database ") + std::to_string(*database);
    }
    std::string known = diagnosis_.product.empty() ? "" : diagnosis_.product + " " + diagnosis_.version;
    if (!diagnosis_.role.empty()) known += (known.empty() ? "" : ", ") + diagnosis_.role;
    return known.empty() ? out : out + ": " + known;
  }

  // "2 errors, 1 warning: runs cannot work"
  std::string summary() const {
    std::string out;
    const auto add = [&](std::ptrdiff_t number, const std::string& what, const std::string& several) {
      if (number > 0) out += (out.empty() ? "" : ", ") + std::to_string(number) + " " + (number == 1 ? what : several);
    };
    add(count(Level::error), "error", "errors");
    add(count(Level::warning), "warning", "warnings");
    add(count(Level::unknown), "unknown", "unknown");
    return (out.empty() ? "no problems found" : out) + ": " + verdict();
  }

  std::string verdict() const {
    if (!diagnosis_.can_run) return count(Level::error) > 0 ? "runs cannot work" : "it is unknown whether runs work";
    if (count(Level::error) > 0) return "runs start, but are not safe";
    return "runs work";
  }

  const Globals& globals_;
  const engine::Diagnosis diagnosis_;
};

// Whether the engine's clock went back. None: there is no database yet.
std::optional<engine::Finding> look_at_times(const Globals& globals) {
  if (!engine::exists(globals.location)) return std::nullopt;
  const auto engine = open_engine(globals);
  const Instant until = BootClock::now() + globals.redis_timeout;
  const auto ask_in_time = [&](engine::Call call) {
    const auto left = std::chrono::duration_cast<Millis>(until - BootClock::now());
    return ask(*engine, std::move(call), std::max(left / 2, Millis(1)));  // it may ask twice
  };
  const auto survey = lock::survey_clock(globals.ns, ask_in_time, until - globals.redis_timeout / 4);
  if (!survey) return engine::Finding{Level::unknown, "times", "unknown: " + describe(survey.error()), ""};
  const std::string read = "records read: " + std::to_string(survey->records) + (survey->is_whole ? "" : ", not all");
  if (survey->ahead == 0) {
    const Level level = survey->is_whole ? Level::good : Level::unknown;
    return engine::Finding{level, "times", "no record has a time in the future (" + read + ")", ""};
  }
  return engine::Finding{
      Level::warning, "times",
      "the engine's clock went back: records with a time in the future: " + std::to_string(survey->ahead) + " (" + read +
          "); the furthest is " + util::format_duration(survey->by) + " ahead, in " + util::escape(survey->furthest) +
          "; such a time counts as now",
      "synchronize the clock with NTP; the next run of each job corrects its times"};
}

// Whether condolock can end all processes of a run on this machine.
void look_at_processes(std::vector<engine::Finding>& findings) {
  const auto lacks = process::find_lacks();
  if (lacks.empty()) {
    findings.push_back({Level::good, "processes", "condolock and its keeper can each stop all processes of a run", ""});
  }
  for (const process::Lack& lack : lacks) {
    findings.push_back({Level::warning, "processes", lack.what + ": " + lack.effect, lack.advice});
  }
}

}  // namespace

CommandResult doctor_command(const RawArguments& arguments) {
  Globals globals;
  globals.warns_of_exposure = false;
  CommandArguments args;
  bool json = false;
  Options options("doctor");
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto result = parse(options, arguments, doctor_spec, globals, args)) return *result;

  const auto trial = [&](const engine::Ask& ask) { return lock::try_run(globals.ns, ask); };
  auto diagnosis = engine::examine(globals.location, {job_of(globals, "doctor").keys(), trial}, globals.redis_timeout);
  if (diagnosis.can_run) {
    if (auto finding = look_at_times(globals)) diagnosis.findings.push_back(*std::move(finding));
  }
  look_at_processes(diagnosis.findings);
  if (globals.exposed_password) {
    diagnosis.findings.push_back(
        {Level::warning, "password", globals.exposed_password->shown(), globals.exposed_password->remedy()});
  }
  const DoctorResult result(globals, std::move(diagnosis));
  return {result.exit_code(), "", json ? result.json() : result.text(Palette(STDOUT_FILENO))};
}

}  // namespace condolock::cli
