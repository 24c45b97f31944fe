#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/run_messages.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock check --key K [CONDITION...]", R"(
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

// An answer by anything but a primary may be an old one.
std::optional<Failure> not_from_primary(const Reply& reply) {
  if (std::holds_alternative<Failure>(reply.answer) || reply.from_primary == true) return std::nullopt;
  if (reply.from_primary == false) {
    return Failure{Fault::not_primary, false, false, "a replica answered, and what it knows may be old; name the primary"};
  }
  return Failure{Fault::denied, false, false,
                 "this user may not call ROLE, so a replica can't be told from the primary (ACL: +role)"};
}

}  // namespace

Ending check_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  Options options("check");
  declare_conditions(options, asked);
  declare_key(options, asked);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  Call call = check_call(job_of(globals, asked.key), asked.conditions);
  call.ask_role = true;
  const auto engine = open_engine(globals);
  const Reply reply = ask(*engine, call, globals.redis_timeout);
  if (const auto failure = not_from_primary(reply)) return ended(*failure);
  const auto answer = decode_verdicts(reply, asked.conditions.size());
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);

  const auto& verdicts = std::get<Verdicts>(answer);
  const Palette palette(STDOUT_FILENO);
  bool would_run = !verdicts.holder && !verdicts.pause;
  std::string output;
  for (std::size_t i = 0; i < asked.conditions.size(); ++i) {
    const Verdict& verdict = verdicts.conditions[i];
    would_run = would_run && verdict.holds();
    output += line(palette, verdict.holds(), shown(asked.conditions[i]), explain(asked.conditions[i], verdict));
  }
  if (verdicts.pause) output += line(palette, false, "pause of " + escape(asked.key), shown(*verdicts.pause));
  std::string lease = "free";
  if (verdicts.holder) {
    const Held& held = *verdicts.holder;
    const std::string by = held.slots > 1 ? "all " + std::to_string(held.slots) + " slots held, by " : "held by ";
    lease = by + shown_holder(held.who) + " for " + format_duration(held.since) + " (ends in " +
            format_duration_up(held.left) + " unless renewed)";
  }
  output += line(palette, !verdicts.holder, "lease of " + escape(asked.key), lease);
  if (globals.quiet) output.clear();
  return {would_run ? exit_code::ok : exit_code::skipped, "", output};
}

}  // namespace condolock::cli
