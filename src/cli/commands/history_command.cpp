#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/record_reader.hpp"
#include "cli/output/history_output.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec history_spec{
    "condolock history [KEY|GLOB] [--since T] [--failed] [--host H] [--limit N] [--utc] [--json]", R"(
Shows the last runs of a key, as many as run --history keeps: how they ended,
how long they took, and where. The bars show the durations, the oldest first.
For a GLOB (see condolock list), or without a key, it merges the runs of all
these keys. T is a duration (2h), today, yesterday, a date, or 'DATE TIME'.

Examples:
  condolock history sync --limit 5
  condolock history --since yesterday --failed
  condolock history 'backup-*' --host web1 --utc
  condolock history sync --json | jq '.runs[] | select(.outcome != "success")'

Exit code: 0, or 1 if a single key has no record.
)",
    CommandSpec::Takes::key_or_pattern};

constexpr std::int64_t most_runs = 10'000;  // in a stored history

struct HistoryFilter {
  std::optional<std::int64_t> since;
  bool failed = false;
  std::string host;

  bool is_set() const { return since || failed || !host.empty(); }
  bool matches(const lock::HistoryEntry& run) const {
    const std::size_t space = run.who.find(' ');
    const std::string where = space == std::string::npos ? run.who : run.who.substr(space + 1);
    return (!since || run.start >= *since) && (!failed || run.outcome != "success") && (host.empty() || where == host);
  }
};

// Keeps only the newest runs that match.
void keep_matching(std::vector<lock::HistoryEntry>& runs, const HistoryFilter& filter, std::int64_t limit) {
  std::erase_if(runs, [&](const lock::HistoryEntry& run) { return !filter.matches(run); });
  if (runs.size() > static_cast<std::size_t>(limit)) runs.resize(static_cast<std::size_t>(limit));
}

bool is_glob(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

// The runs of many keys, the newest first. A malformed history is an error of its own and hides no other.
engine::Answered<std::vector<KeyRun>> merged(RecordReader& reader, const std::vector<std::string>& keys,
                                             const HistoryFilter& filter, std::int64_t limit) {
  std::vector<KeyRun> runs;
  const auto newer = [](const KeyRun& a, const KeyRun& b) { return a.run.start > b.run.start; };
  const auto cut = [&] {
    std::stable_sort(runs.begin(), runs.end(), newer);
    if (runs.size() > static_cast<std::size_t>(limit)) runs.resize(static_cast<std::size_t>(limit));
  };
  for (const std::string& key : keys) {
    auto history = reader.history(key, filter.is_set() ? most_runs : limit);
    if (!history) {
      if (history.error().fault != engine::Fault::malformed) return history.error();
      reader.malformed(describe(history.error()));
      continue;
    }
    keep_matching(history->runs, filter, limit);
    for (lock::HistoryEntry& run : history->runs) runs.push_back({key, std::move(run)});
    if (runs.size() > 2 * static_cast<std::size_t>(limit)) cut();  // memory stays bounded, however many keys there are
  }
  cut();
  return runs;
}

}  // namespace

CommandResult history_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  std::int64_t limit = 20;
  bool json = false;
  bool utc = false;
  std::string since;
  HistoryFilter filter;
  Options options("history");
  declare_key(options, args);
  options.value("--since", "T", "only runs that began at T or later", text_into(since));
  options.flag("--failed", "only runs that did not succeed", filter.failed);
  options.value("--host", "H", "only runs on this host", text_into(filter.host));
  options.value("--limit", "N", "number of runs to show, at most (20)", number_into(limit, 1, most_runs));
  options.flag("--utc", "times in UTC, not in this machine's time zone", utc);
  options.flag("--json", "one JSON document", json);
  declare(options, globals);
  const auto zone = [&utc] { return utc ? util::Zone::utc : util::Zone::local; };
  const auto check = [&]() -> std::optional<CommandResult> {
    if (since.empty()) return std::nullopt;
    const auto at = util::parse_time_point(since, std::int64_t{1000} * std::time(nullptr), zone());
    if (!at) return CommandResult{exit_code::usage, "--since: " + at.error().text, ""};
    filter.since = *at;
    return std::nullopt;
  };
  if (auto result = parse(options, arguments, history_spec, globals, args, check)) return *result;
  filter.host = lock::recorded_host(filter.host);

  const Console console(globals.quiet, globals.verbose);
  RecordReader reader(globals, console);
  const HistoryForm form{Palette(STDOUT_FILENO), has_unicode_locale(), zone()};
  if (args.key.empty() && args.pattern) args.key = *args.pattern;
  if (!args.key.empty()) {
    auto history = reader.history(args.key, filter.is_set() ? most_runs : limit);
    if (!history) return result_of(history.error());
    // A key may contain any character. So a text that could be a glob is one only if there is no such key.
    if (history->known || !args.pattern || !is_glob(*args.pattern)) {
      keep_matching(history->runs, filter, limit);
      const int code = history->known ? exit_code::ok : exit_code::unknown_key;
      return {code, "", json ? history_json(args.key, *history) : history_text(args.key, *history, form)};
    }
  }
  const auto names = reader.names(args.pattern);
  if (!names) return result_of(names.error());
  const auto runs = merged(reader, *names, filter, limit);
  if (!runs) return result_of(runs.error());
  if (runs->empty() && !json) console.decision("no run matches");
  return {reader.exit_code(), "", json ? history_json(*runs) : history_text(*runs, form)};
}

}  // namespace condolock::cli
