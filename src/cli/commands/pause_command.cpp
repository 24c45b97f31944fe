#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output/run_messages.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec pause_spec{"condolock pause --key K [--for D] [--reason TEXT]", R"(
A run that is going on is not disturbed. run --force goes through a pause.

Examples:
  condolock pause sync --for 2h --reason 'database upgrade'
)"};

constexpr CommandSpec resume_spec{"condolock resume --key K", R"(
Exit code 0, also where there was no pause.

Example:
  condolock resume sync
)"};

// Redis stores a record compactly only while no string in it is longer (hash-max-listpack-value).
constexpr std::size_t max_reason_bytes = 64;

}  // namespace

CommandResult pause_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  std::optional<Millis> length;
  std::string reason;
  Options options("pause");
  declare_key(options, args);
  options.value("--for", "D", "end it by itself after D (until resume)", duration_into(length, Millis(1)));
  options.value("--reason", "TEXT", "is shown wherever the pause is, at most 64 bytes",
                [&reason](std::string_view text) -> std::optional<util::Problem> {
                  if (text.size() > max_reason_bytes) return util::Problem{"a reason has at most 64 bytes"};
                  reason = text;
                  return std::nullopt;
                });
  declare(options, globals);
  if (auto result = parse(options, arguments, pause_spec, globals, args)) return *result;

  const auto engine = open_engine(globals);
  const auto answer =
      lock::decode_pause(ask(*engine, lock::pause_call(job_of(globals, args.key), length, reason), globals.redis_timeout));
  if (!answer) return result_of(answer.error());
  Console(globals.quiet, globals.verbose).decision(util::escape(args.key) + " is " + shown(lock::Paused{length, reason}));
  return {};
}

CommandResult resume_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  Options options("resume");
  declare_key(options, args);
  declare(options, globals);
  if (auto result = parse(options, arguments, resume_spec, globals, args)) return *result;

  const auto engine = open_engine(globals);
  const auto answer = lock::decode_pause(ask(*engine, lock::resume_call(job_of(globals, args.key)), globals.redis_timeout));
  if (!answer) return result_of(answer.error());
  const bool was = *answer;
  Console(globals.quiet, globals.verbose)
      .decision(util::escape(args.key) + (was ? " is not paused any more" : " was not paused"));
  return {};
}

}  // namespace condolock::cli
