#include <unistd.h>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output/run_messages.hpp"
#include "cli/output/status_output.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec check_spec{"condolock check --key K [CONDITION...]", R"(
Examples:
  condolock check --key sync --min-time 4m
  if condolock check -q --key sync --accessed-prior fetch:10m; then ...; fi

Exit code: 0 it would run, 75 it would not.
)"};

std::string line(const Palette& palette, bool holds, const std::string& what, const std::string& why) {
  std::string padded = what;
  padded.resize(std::max<std::size_t>(what.size(), 32), ' ');
  return palette.paint(holds ? Tint::good : Tint::bad, holds ? "yes" : "no ") + "  " + padded + "  " + why + "\n";
}

// Any server except a primary may answer with old data.
std::optional<engine::Failure> not_from_primary(const engine::Reply& reply) {
  if (!reply.answer || reply.from_primary == true) return std::nullopt;
  if (reply.from_primary == false) {
    return engine::Failure{engine::Fault::not_primary, false, false,
                           "a replica answered, and what it knows may be old; name the primary"};
  }
  return engine::Failure{engine::Fault::denied, false, false,
                         "this user may not call ROLE, so a replica can't be told from the primary (ACL: +role)"};
}

}  // namespace

CommandResult check_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  Options options("check");
  declare_conditions(options, args);
  declare_key(options, args);
  declare(options, globals);
  if (auto result = parse(options, arguments, check_spec, globals, args)) return *result;

  engine::Call call = lock::check_call(job_of(globals, args.key), args.conditions);
  call.ask_role = true;
  const auto engine = open_engine(globals);
  const engine::Reply reply = ask(*engine, call, globals.redis_timeout);
  if (const auto failure = not_from_primary(reply)) return result_of(*failure);
  const auto answer = lock::decode_verdicts(reply, args.conditions.size());
  if (!answer) return result_of(answer.error());

  const auto& verdicts = *answer;
  const Console console(globals.quiet, globals.verbose);
  if (verdicts.ahead) console.warning(clock_went_back(*verdicts.ahead));
  const Palette palette(STDOUT_FILENO);
  bool would_run = !verdicts.holder && !verdicts.pause;
  std::string output;
  for (std::size_t i = 0; i < args.conditions.size(); ++i) {
    const lock::Verdict& verdict = verdicts.conditions[i];
    would_run = would_run && verdict.holds();
    output += line(palette, verdict.holds(), shown(args.conditions[i]), explain(args.conditions[i], verdict));
  }
  if (verdicts.pause) output += line(palette, false, "pause of " + util::escape(args.key), shown(*verdicts.pause));
  std::string lease = "free";
  if (verdicts.holder) {
    const lock::Held& held = *verdicts.holder;
    const std::string by = held.slots > 1 ? "all " + std::to_string(held.slots) + " slots held, by " : "held by ";
    lease = by + lock::shown_holder(held.who) + " for " + util::format_duration(held.since) + " (ends in " +
            util::format_duration_up(held.left) + " unless renewed)";
  }
  output += line(palette, !verdicts.holder, "lease of " + util::escape(args.key), lease);
  if (globals.quiet) output.clear();
  return {would_run ? exit_code::ok : exit_code::skipped, "", output};
}

}  // namespace condolock::cli
