#include <unistd.h>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/record_reader.hpp"
#include "cli/output/status_output.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec status_spec{"condolock status KEY... [--json]", R"(
Examples:
  condolock status sync report
  condolock status --json sync | jq -r '.keys[0].last_success.end.rfc3339'

Exit code: 0, or 1 if a key has no record.
)",
                                  CommandSpec::Takes::keys};

}  // namespace

CommandResult status_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool json = false;
  Options options("status");
  declare_key(options, args);
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  if (auto result = parse(options, arguments, status_spec, globals, args)) return *result;

  const Console console(globals.quiet, globals.verbose);
  RecordReader reader(globals, console);
  std::vector<KeyStatus> statuses;
  bool all_known = true;
  const auto failure = reader.records(args.keys, [&](KeyStatus status) {
    all_known = all_known && status.record.known;
    statuses.push_back(std::move(status));
  });
  if (failure) return result_of(*failure);
  const Palette palette(STDOUT_FILENO);
  const int code = all_known ? exit_code::ok : exit_code::unknown_key;
  return {reader.exit_code() == exit_code::ok ? code : reader.exit_code(), "",
          json ? status_json(statuses) : status_text(statuses, palette)};
}

}  // namespace condolock::cli
