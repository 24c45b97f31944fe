#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/reading.hpp"
#include "cli/status_output.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock status KEY... [--json]", R"(
Examples:
  condolock status sync report
  condolock status --json sync | jq -r '.keys[0].last_success.end.rfc3339'

Exit code: 0, or 1 when there is no record of one of them.
)",
                      Frame::Takes::keys};

}  // namespace

Ending status_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  bool json = false;
  Options options("status");
  declare_key(options, asked);
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  const Console console(globals.quiet, globals.verbose);
  Reading reading(globals, console);
  std::vector<KeyStatus> statuses;
  bool all_known = true;
  const auto failure = reading.records(asked.keys, [&](KeyStatus status) {
    all_known = all_known && status.record.known;
    statuses.push_back(std::move(status));
  });
  if (failure) return ended(*failure);
  const Palette palette(STDOUT_FILENO);
  const int code = all_known ? exit_code::ok : exit_code::unknown_key;
  return {reading.exit_code() == exit_code::ok ? code : reading.exit_code(), "",
          json ? status_json(statuses) : status_text(statuses, palette)};
}

}  // namespace condolock::cli
