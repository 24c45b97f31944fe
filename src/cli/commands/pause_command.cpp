#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/each_key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "lock/words.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec pause_spec{"condolock pause KEY...|--all [--for D] [--reason TEXT]", R"(
A live run is not affected. run --force ignores a pause. A run that waits learns
of --all within 30 seconds.

Examples:
  condolock pause sync --for 2h --reason 'database upgrade'
  condolock list --plain 'backup-*' | xargs -rd '\n' condolock pause --
  condolock pause --all --for 1h --reason 'moving the database'
)",
                                 CommandSpec::Takes::keys_or_all};

constexpr CommandSpec resume_spec{"condolock resume KEY...|--all", R"(
--all ends the pause of pause --all. A key that was paused by name stays paused.
Exit code 0, even if there was no pause.

Examples:
  condolock resume sync
  condolock resume --all
)",
                                  CommandSpec::Takes::keys_or_all};

// Redis stores a record compactly only while no string in it is longer (hash-max-listpack-value).
constexpr std::size_t max_reason_bytes = 64;

// Commands that change keys take no globs, since a key may contain any character.
std::string glob_hint(const std::string& key) {
  if (key.find_first_of("*?[") == std::string::npos) return "";
  return " (keys are not globs: see condolock list --plain " + util::shell_quoted(key) + ")";
}

}  // namespace

CommandResult pause_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  std::optional<Millis> length;
  std::string reason;
  Options options("pause");
  declare_key(options, args);
  options.flag("--all", "pause all keys of the namespace, even without a record", args.all);
  options.value("--for", "D", "end the pause after D (until resumed)", duration_into(length, Millis(1)));
  options.value("--reason", "TEXT", "shown with the pause; at most 64 bytes",
                [&reason](std::string_view text) -> std::optional<util::Problem> {
                  if (text.size() > max_reason_bytes) return util::Problem{"the reason must have at most 64 bytes"};
                  reason = text;
                  return std::nullopt;
                });
  declare(options, globals);
  if (auto result = parse(options, arguments, pause_spec, globals, args)) return *result;

  const auto engine = open_engine(globals);
  const Console console(globals.quiet, globals.verbose);
  if (args.all) {
    const engine::Call call = lock::pause_all_call(globals.ns, length, reason);
    const auto done = lock::decode_pause(ask(*engine, call, globals.redis_timeout));
    if (!done) return result_of(done.error());
    console.decision("namespace " + globals.ns + ": " + shown(lock::Paused{length, reason, "", std::nullopt, true}));
    return {exit_code::ok, "", ""};
  }
  const int code = for_each_key(args, console, [&](const std::string& key) -> std::optional<engine::Failure> {
    const engine::Call call = lock::pause_call(job_of(globals, key), length, reason);
    const auto known = lock::decode_pause(ask(*engine, call, globals.redis_timeout));
    if (!known) return known.error();
    if (!*known) console.warning(util::escape(key) + " has no record; it is paused anyway" + glob_hint(key));
    console.decision(util::escape(key) + " is " + shown(lock::Paused{length, reason}));
    return std::nullopt;
  });
  return {code, "", ""};
}

CommandResult resume_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  Options options("resume");
  declare_key(options, args);
  options.flag("--all", "end the pause of all keys", args.all);
  declare(options, globals);
  if (auto result = parse(options, arguments, resume_spec, globals, args)) return *result;

  const auto engine = open_engine(globals);
  const Console console(globals.quiet, globals.verbose);
  if (args.all) {
    const auto was = lock::decode_pause(ask(*engine, lock::resume_all_call(globals.ns), globals.redis_timeout));
    if (!was) return result_of(was.error());
    console.decision("namespace " + globals.ns + ": " +
                     (*was ? "the pause of all keys is over" : "there was no pause of all keys"));
    return {exit_code::ok, "", ""};
  }
  const int code = for_each_key(args, console, [&](const std::string& key) -> std::optional<engine::Failure> {
    const auto was = lock::decode_pause(ask(*engine, lock::resume_call(job_of(globals, key)), globals.redis_timeout));
    if (!was) return was.error();
    console.decision(util::escape(key) + (*was ? " is no longer paused" : " was not paused" + glob_hint(key)));
    return std::nullopt;
  });
  return {code, "", ""};
}

}  // namespace condolock::cli
