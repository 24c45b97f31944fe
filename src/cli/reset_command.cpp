#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock reset KEY... [--yes]", R"(
Forgets what is remembered of a key: its last runs and its history, --once IDs
and starts, and a pause. The next run is a first one: --min-time holds, and
--accessed-prior on this key does not. While a lease is held it refuses (75).
On a terminal it asks first, and a no is 75 too; elsewhere it needs --yes.

Example:
  condolock reset sync --yes
)",
                      Frame::Takes::keys};

std::string listed(const std::vector<std::string>& keys) {
  std::string out;
  for (const std::string& key : keys) out += (out.empty() ? "" : ", ") + escape(key);
  return out;
}

bool agrees(const Console& console, const std::vector<std::string>& keys) {
  console.prompt("forget all that is remembered of " + listed(keys) + "? [y/N] ");
  std::string answer;
  char next = '\n';
  while (read(STDIN_FILENO, &next, 1) == 1 && next != '\n') answer += next;
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

Ending reset_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  bool yes = false;
  Options options("reset");
  declare_key(options, asked);
  options.flag("-y,--yes", "do not ask", yes);
  declare(options, globals);
  const bool can_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const auto check = [&]() -> std::optional<Ending> {
    if (yes || can_ask) return std::nullopt;
    return Ending{exit_code::usage, "nobody can be asked without a terminal: give --yes", ""};
  };
  if (auto ending = parse(options, arguments, frame, globals, asked, check)) return *ending;

  const Console console(globals.quiet, globals.verbose);
  if (!yes && !agrees(console, asked.keys)) return {exit_code::skipped, "nothing was forgotten", ""};
  const auto engine = open_engine(globals);
  bool all_free = true;
  const int code = for_each_key(asked, console, [&](const std::string& key) -> std::optional<Failure> {
    const auto answer = decode_reset(ask(*engine, reset_call(job_of(globals, key)), globals.redis_timeout));
    if (const auto* failure = std::get_if<Failure>(&answer)) return *failure;
    const auto& what = std::get<std::variant<bool, Held>>(answer);
    if (const auto* held = std::get_if<Held>(&what)) {
      all_free = false;
      const std::string others = held->live > 1 ? " and " + std::to_string(held->live - 1) + " more" : "";
      console.error(escape(key) + " is held by " + shown_holder(held->who) + others +
                    ", so nothing of it was forgotten: wait, or " + "condolock unlock it");
    } else {
      console.decision(escape(key) + (std::get<bool>(what) ? " is forgotten" : ": there was no record"));
    }
    return std::nullopt;
  });
  return {code == exit_code::ok && !all_free ? exit_code::skipped : code, "", ""};
}

}  // namespace condolock::cli
