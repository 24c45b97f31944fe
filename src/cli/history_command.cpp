#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/history_output.hpp"
#include "cli/key.hpp"
#include "cli/reading.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock history KEY [--limit N] [--json]", R"(
The last runs of a key, as many as run --history kept: how they ended, how long
they took, and where. The bars show the lengths, the oldest run first.

Examples:
  condolock history sync --limit 5
  condolock history sync --json | jq '.runs[] | select(.outcome != "success")'

Exit code: 0, or 1 when there is no record of the key.
)"};

}  // namespace

Ending history_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  std::int64_t limit = 20;
  bool json = false;
  Options options("history");
  declare_key(options, asked);
  options.value("--limit", "N", "how many runs at most (20)", number_into(limit, 1, 10'000));
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  const Console console(globals.quiet, globals.verbose);
  Reading reading(globals, console);
  const Job job = job_of(globals, asked.key);
  const auto answer = decode_history(reading.ask(history_call(job, limit)), job);
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);
  const auto& history = std::get<History>(answer);
  const int code = history.known ? exit_code::ok : exit_code::unknown_key;
  return {
      code, "",
      json ? history_json(asked.key, history) : history_text(asked.key, history, Palette(STDOUT_FILENO), shows_unicode())};
}

}  // namespace condolock::cli
