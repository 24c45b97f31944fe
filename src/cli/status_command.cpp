#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "cli/status_output.hpp"
#include "engine/ask.hpp"

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

  const auto engine = open_engine(globals);
  const Console console(globals.quiet, globals.verbose);
  std::vector<KeyStatus> statuses;
  bool all_known = true;
  bool warned = false;
  const int failed = for_each_key(asked, console, [&](const std::string& key) -> std::optional<Failure> {
    const Reply reply = ask(*engine, status_call(job_of(globals, key)), globals.redis_timeout);
    const auto answer = decode_record(reply);
    if (const auto* failure = std::get_if<Failure>(&answer)) {
      statuses.push_back({key, {}, told(*failure)});
      return *failure;
    }
    if (reply.from_primary != true && !warned) {
      console.warning(reply.from_primary == false
                          ? "a replica answered, and what it knows may be old"
                          : "this user may not call ROLE, so this may be an old answer of a replica");
      warned = true;
    }
    statuses.push_back({key, std::get<Record>(answer), ""});
    all_known = all_known && statuses.back().record.known;
    return std::nullopt;
  });
  const Palette palette(STDOUT_FILENO);
  const int code = all_known ? exit_code::ok : exit_code::unknown_key;
  return {failed == exit_code::ok ? code : failed, "", json ? status_json(statuses) : status_text(statuses, palette)};
}

}  // namespace condolock::cli
