#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/run_options.hpp"
#include "cli/output/json.hpp"
#include "cli/output/status_output.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "lock/words.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/width.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec check_spec{"condolock check --key K [CONDITION...] [--json]", R"(
Reports whether a run with these options would start now. It takes any line of
run as it is: the other options of run, and -- CMD, are ignored.

Examples:
  condolock check --key sync --min-time 4m
  if condolock check -q --key sync --accessed-prior fetch:10m; then ...; fi

Exit code: 0 if it would run, 75 (or --skip-code) if not.
)",
                                 CommandSpec::Takes::key_and_ignored};

std::string line(const Palette& palette, bool holds, const std::string& what, const std::string& why) {
  constexpr std::size_t min_width = 32;
  const std::string padded = what + std::string(min_width - std::min(min_width, util::display_width(what)), ' ');
  return palette.paint(holds ? Tint::good : Tint::bad, holds ? "yes" : "no ") + "  " + padded + "  " + why + "\n";
}

// The answer to a check, for people and as JSON.
class CheckResult {
 public:
  CheckResult(const RunOptions& run, lock::Verdicts verdicts) : run_(run), verdicts_(std::move(verdicts)) {
    if (!run.plan.forced) conditions_ = run.args.conditions;
  }

  bool would_run() const {
    return !verdicts_.holder && !verdicts_.pause &&
           std::all_of(verdicts_.conditions.begin(), verdicts_.conditions.end(),
                       [](const lock::Verdict& verdict) { return verdict.holds(); });
  }

  std::string text(const Palette& palette) const {
    const std::string key = util::escape(run_.args.key);
    std::string out;
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const lock::Verdict& verdict = verdicts_.conditions[i];
      out += line(palette, verdict.holds(), shown(conditions_[i]), explain(conditions_[i], verdict));
    }
    if (verdicts_.pause)
      out += line(palette, false, "pause of " + (verdicts_.pause->all ? "all keys" : key), shown(*verdicts_.pause));
    return out + line(palette, !verdicts_.holder, "lease of " + key, lease());
  }

  std::string json() const {
    Json conditions = Json::array();
    for (std::size_t i = 0; i < conditions_.size(); ++i) conditions.push_back(condition_json(i));
    Json pause = nullptr;
    if (verdicts_.pause) {
      pause = {{"left_ms", count(verdicts_.pause->left)},
               {"reason", verdicts_.pause->why},
               {"operator", verdicts_.pause->by.empty() ? Json(nullptr) : Json(verdicts_.pause->by)},
               {"all", verdicts_.pause->all}};
    }
    Json holder = nullptr;
    if (verdicts_.holder) {
      const lock::Held& held = *verdicts_.holder;
      holder = {{"holder", who_json(held.who)}, {"held_ms", held.since.count()},
                {"left_ms", held.left.count()}, {"live", held.live},
                {"slots", held.slots},          {"text", lease()}};
    }
    return dumped({{"schema", json_schema},
                   {"key", run_.args.key},
                   {"would_run", would_run()},
                   {"conditions", conditions},
                   {"pause", pause},
                   {"busy", holder}},
                  2);
  }

 private:
  static Json count(const std::optional<Millis>& length) { return length ? Json(length->count()) : Json(nullptr); }

  Json condition_json(std::size_t i) const {
    const lock::Verdict& verdict = verdicts_.conditions[i];
    const lock::EncodedCondition encoded = encode(conditions_[i]);
    return {{"condition", encoded.name},
            {"name", encoded.key.empty() ? Json(nullptr) : Json(encoded.key)},
            {"holds", verdict.holds()},
            {"why", verdict.why},
            {"since_ms", count(verdict.since)},
            {"due_ms", count(verdict.due)},
            {"text", explain(conditions_[i], verdict)}};
  }

  std::string lease() const {
    if (!verdicts_.holder) return "free";
    return held_by(*verdicts_.holder, run_.plan.attempt.slots) + " (ends in " +
           util::format_duration_up(verdicts_.holder->left) + " unless renewed)";
  }

  const RunOptions& run_;
  const lock::Verdicts verdicts_;
  std::vector<lock::Condition> conditions_;
};

}  // namespace

CommandResult check_command(const RawArguments& arguments) {
  Globals globals;
  RunOptions run;
  bool json = false;
  Options options("check");
  declare(options, run, true);
  options.group("Options");
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  const auto check = [&] { return settle(options, run); };
  if (auto result = parse(options, arguments, check_spec, globals, run.args, check)) return *result;

  const bool forced = run.plan.forced;
  const std::vector<lock::Condition> conditions = forced ? std::vector<lock::Condition>() : run.args.conditions;
  engine::Call call = lock::check_call(job_of(globals, run.args.key), conditions, run.plan.attempt.slots, forced);
  call.ask_role = true;
  const auto engine = open_engine(globals);
  const engine::Reply reply = ask(*engine, call, globals.redis_timeout);
  if (const auto failure = engine::not_from_primary(reply)) return result_of(*failure);
  const auto answer = lock::decode_verdicts(reply, conditions.size());
  if (!answer) return result_of(answer.error());
  if (answer->ahead) Console(globals.quiet, globals.verbose).warning(clock_went_back(*answer->ahead));
  const CheckResult result(run, *answer);
  const std::string output = globals.quiet ? "" : json ? result.json() : result.text(Palette(STDOUT_FILENO));
  return {result.would_run() ? exit_code::ok : run.plan.skip_code, "", output};
}

}  // namespace condolock::cli
