#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/run_messages.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr Frame pause_frame{"condolock pause --key K [--for D] [--reason TEXT]", R"(
A run that is going on is not disturbed. run --force goes through a pause.

Examples:
  condolock pause sync --for 2h --reason 'database upgrade'
)"};

constexpr Frame resume_frame{"condolock resume --key K", R"(
Exit code 0, also where there was no pause.

Example:
  condolock resume sync
)"};

// A record stays small while its strings do.
constexpr std::size_t longest_reason = 64;

}  // namespace

Ending pause_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  std::optional<Millis> length;
  std::string reason;
  Options options("pause");
  declare_key(options, asked);
  options.value("--for", "D", "end it by itself after D (until resume)", duration_into(length, Millis(1)));
  options.value("--reason", "TEXT", "is shown wherever the pause is, at most 64 bytes",
                [&reason](std::string_view text) -> std::optional<Problem> {
                  if (text.size() > longest_reason) return Problem{"a reason has at most 64 bytes"};
                  reason = text;
                  return std::nullopt;
                });
  declare(options, globals);
  if (auto ending = parse(options, arguments, pause_frame, globals, asked)) return *ending;

  const auto engine = open_engine(globals);
  const auto answer =
      decode_pause(ask(*engine, pause_call(job_of(globals, asked.key), length, reason), globals.redis_timeout));
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);
  Console(globals.quiet, globals.verbose).decision(escape(asked.key) + " is " + shown(Paused{length, reason}));
  return {};
}

Ending resume_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  Options options("resume");
  declare_key(options, asked);
  declare(options, globals);
  if (auto ending = parse(options, arguments, resume_frame, globals, asked)) return *ending;

  const auto engine = open_engine(globals);
  const auto answer = decode_pause(ask(*engine, resume_call(job_of(globals, asked.key)), globals.redis_timeout));
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);
  const bool was = std::get<bool>(answer);
  Console(globals.quiet, globals.verbose)
      .decision(escape(asked.key) + (was ? " is not paused any more" : " was not paused"));
  return {};
}

}  // namespace condolock::cli
