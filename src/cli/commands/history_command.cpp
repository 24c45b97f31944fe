#include <unistd.h>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/record_reader.hpp"
#include "cli/output/history_output.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec history_spec{"condolock history KEY [--limit N] [--json]", R"(
Shows the last runs of a key, as many as run --history keeps: how they ended,
how long they took, and where. The bars show the durations, the oldest first.

Examples:
  condolock history sync --limit 5
  condolock history sync --json | jq '.runs[] | select(.outcome != "success")'

Exit code: 0, or 1 if the key has no record.
)"};

}  // namespace

CommandResult history_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  std::int64_t limit = 20;
  bool json = false;
  Options options("history");
  declare_key(options, args);
  options.value("--limit", "N", "number of runs to show, at most (20)", number_into(limit, 1, 10'000));
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto result = parse(options, arguments, history_spec, globals, args)) return *result;

  const Console console(globals.quiet, globals.verbose);
  RecordReader reader(globals, console);
  const lock::Job job = job_of(globals, args.key);
  const auto answer = lock::decode_history(reader.ask(lock::history_call(job, limit)), job);
  if (!answer) return result_of(answer.error());
  const auto& history = *answer;
  const int code = history.known ? exit_code::ok : exit_code::unknown_key;
  return {code, "",
          json ? history_json(args.key, history)
               : history_text(args.key, history, Palette(STDOUT_FILENO), has_unicode_locale())};
}

}  // namespace condolock::cli
