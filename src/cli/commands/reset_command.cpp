#include <unistd.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/each_key.hpp"
#include "cli/commands/record_reader.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec reset_spec{"condolock reset KEY...|--older-than D [GLOB] [--yes]", R"(
Deletes the record of a key: last runs, history, --once IDs, --max-runs starts
and pause. The next run counts as the first: --min-time holds, --accessed-prior
on this key does not. It refuses (75) while a lease is held. With --older-than
it deletes each record that is idle, not paused, and unused for D, including its
fencing token; a skip counts as a use. It asks on a terminal (75 if the answer
is no); elsewhere it needs --yes.

Examples:
  condolock reset sync --yes
  condolock reset --older-than 90d 'import-*'
)",
                                 CommandSpec::Takes::keys_or_old};

std::string listed(const std::vector<std::string>& keys) {
  std::string out;
  for (const std::string& key : keys) out += (out.empty() ? "" : ", ") + util::escape(key);
  return out;
}

// A question of a thousand names would scroll away.
std::string shortened(const std::vector<std::string>& keys) {
  constexpr std::size_t shown = 5;
  if (keys.size() <= shown) return listed(keys);
  return listed({keys.begin(), keys.begin() + shown}) + " and " + std::to_string(keys.size() - shown) + " more";
}

bool agrees(const Console& console, const std::string& question) {
  console.prompt(question + "? [y/N] ");
  std::string answer;
  char next = '\n';
  while (read(STDIN_FILENO, &next, 1) == 1 && next != '\n') answer += next;
  return answer == "y" || answer == "Y" || answer == "yes";
}

// Same rule as in reset.lua, but without the time in the index, which only the script sees.
bool is_unused(const lock::Record& record, Millis length) {
  if (!record.known || record.pause || record.live() > 0) return false;
  std::int64_t last = record.ended.value_or(0);
  for (const lock::Holder& holder : record.holders) last = std::max(last, holder.until);
  if (record.last_refusal) last = std::max(last, record.last_refusal->at);
  return record.now - last >= length.count();
}

CommandResult reset_old(const Globals& globals, const CommandArguments& args, const Console& console, bool yes) {
  RecordReader reader(globals, console);
  const auto names = reader.names(args.pattern);
  if (!names) return result_of(names.error());
  std::vector<std::string> unused;
  const auto failure = reader.records(*names, [&](const KeyStatus& status) {
    if (status.error.empty() && is_unused(status.record, *args.older_than)) unused.push_back(status.key);
  });
  if (failure) return result_of(*failure);
  const std::string length = util::format_duration(*args.older_than);
  if (unused.empty()) {
    console.decision("no idle record is unused for " + length);
    return {reader.exit_code(), "", ""};
  }
  const std::string these = std::to_string(unused.size()) + (unused.size() == 1 ? " record" : " records") + " unused for " +
                            length + " (" + shortened(unused) + ")";
  if (!yes && !agrees(console, "delete " + these)) return {exit_code::skipped, "nothing was deleted", ""};
  const auto engine = open_engine(globals);
  std::size_t deleted = 0;
  for (const std::string& key : unused) {
    const engine::Call call = lock::prune_call(job_of(globals, key), *args.older_than);
    const auto answer = lock::decode_reset(ask(*engine, call, globals.redis_timeout));
    if (!answer && answer.error().fault != engine::Fault::malformed) {
      console.warning("deleted " + std::to_string(deleted) + " of " + these);
      return result_of(answer.error());
    }
    if (!answer) reader.malformed(describe(answer.error()));
    const bool* gone = answer ? std::get_if<bool>(&*answer) : nullptr;
    if (gone != nullptr && *gone) ++deleted;
  }
  console.decision("deleted " + std::to_string(deleted) + " of " + these);
  return {reader.exit_code(), "", ""};
}

}  // namespace

CommandResult reset_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool yes = false;
  Options options("reset");
  declare_key(options, args);
  options.value("--older-than", "D", "delete the records that have not been used for D",
                duration_into(args.older_than, Millis(1)));
  options.flag("-y,--yes", "do not ask for confirmation", yes);
  declare(options, globals);
  const bool can_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const auto check = [&]() -> std::optional<CommandResult> {
    if (yes || can_ask) return std::nullopt;
    return CommandResult{exit_code::usage, "no terminal to confirm on: use --yes", ""};
  };
  if (auto result = parse(options, arguments, reset_spec, globals, args, check)) return *result;

  const Console console(globals.quiet, globals.verbose);
  if (args.older_than) return reset_old(globals, args, console, yes);
  if (!yes && !agrees(console, "delete the records of " + listed(args.keys))) {
    return {exit_code::skipped, "nothing was deleted", ""};
  }
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
