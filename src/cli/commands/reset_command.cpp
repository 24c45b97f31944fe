#include <unistd.h>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/each_key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec reset_spec{"condolock reset KEY... [--yes]", R"(
Deletes the record of a key: last runs, history, --once IDs, --max-runs starts
and pause. The next run counts as the first: --min-time holds, --accessed-prior
on this key does not. It refuses (75) while a lease is held. It asks on a
terminal (75 if the answer is no); elsewhere it needs --yes.

Example:
  condolock reset sync --yes
)",
                                 CommandSpec::Takes::keys};

std::string listed(const std::vector<std::string>& keys) {
  std::string out;
  for (const std::string& key : keys) out += (out.empty() ? "" : ", ") + util::escape(key);
  return out;
}

bool agrees(const Console& console, const std::vector<std::string>& keys) {
  console.prompt("delete the records of " + listed(keys) + "? [y/N] ");
  std::string answer;
  char next = '\n';
  while (read(STDIN_FILENO, &next, 1) == 1 && next != '\n') answer += next;
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

CommandResult reset_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool yes = false;
  Options options("reset");
  declare_key(options, args);
  options.flag("-y,--yes", "do not ask for confirmation", yes);
  declare(options, globals);
  const bool can_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const auto check = [&]() -> std::optional<CommandResult> {
    if (yes || can_ask) return std::nullopt;
    return CommandResult{exit_code::usage, "no terminal to confirm on: use --yes", ""};
  };
  if (auto result = parse(options, arguments, reset_spec, globals, args, check)) return *result;

  const Console console(globals.quiet, globals.verbose);
  if (!yes && !agrees(console, args.keys)) return {exit_code::skipped, "nothing was deleted", ""};
  const auto engine = open_engine(globals);
  bool all_free = true;
  const int code = for_each_key(args, console, [&](const std::string& key) -> std::optional<engine::Failure> {
    const auto answer = lock::decode_reset(ask(*engine, lock::reset_call(job_of(globals, key)), globals.redis_timeout));
    if (!answer) return answer.error();
    const auto& what = *answer;
    if (const auto* held = std::get_if<lock::Held>(&what)) {
      all_free = false;
      const std::string others = held->live > 1 ? " and " + std::to_string(held->live - 1) + " more" : "";
      console.error(util::escape(key) + " is held by " + lock::shown_holder(held->who) + others +
                    ", so its record was not deleted: wait, or run condolock unlock");
    } else {
      console.decision(util::escape(key) + (std::get<bool>(what) ? ": record deleted" : " has no record"));
    }
    return std::nullopt;
  });
  return {code == exit_code::ok && !all_free ? exit_code::skipped : code, "", ""};
}

}  // namespace condolock::cli
