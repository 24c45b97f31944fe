#include <unistd.h>

#include <ctime>

#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/record_reader.hpp"
#include "cli/output/history_output.hpp"
#include "cli/output/json.hpp"
#include "cli/output/list_output.hpp"
#include "cli/output/prometheus.hpp"
#include "cli/output/screen.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec list_spec{"condolock list [GLOB] [--failed] [--running] [--paused] [--json|--plain|--prometheus]", R"(
Lists all keys of the namespace, or those that match GLOB: * (anything, even /),
? (one byte), [a-z], [!a-z]. Unprintable bytes are shown as \xNN, \ as \\.

Examples:
  condolock list 'backup-*'
  condolock list --plain 'backup-*' | xargs -rd '\n' condolock status --
  condolock list --prometheus >condolock.prom.new && mv condolock.prom.new condolock.prom
)",
                                CommandSpec::Takes::pattern};

struct Form {
  bool json = false;
  bool plain = false;
  bool prometheus = false;
};

// Several filters together select the keys that match any of them.
struct Filter {
  bool failed = false;
  bool running = false;
  bool paused = false;

  bool is_set() const { return failed || running || paused; }
  bool matches(const KeyStatus& status) const {
    if (!is_set()) return true;
    if (!status.error.empty()) return failed;
    const lock::Record& record = status.record;
    const bool is_lost = !record.holders.empty() && record.live() == 0;
    const bool has_failed = is_lost || (record.ended && record.outcome != "success");
    return (failed && has_failed) || (running && record.live() > 0) || (paused && record.known && record.pause);
  }
};

std::optional<CommandResult> settle(const Form& form) {
  if (form.json + form.plain + form.prometheus < 2) return std::nullopt;
  return CommandResult{exit_code::usage, "use only one of --json, --plain and --prometheus", ""};
}

std::string plain_text(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += util::escape(name) + "\n";
  return out;
}

std::string plain_text(const std::vector<KeyStatus>& statuses) {
  std::string out;
  for (const KeyStatus& status : statuses) out += util::escape(status.key) + "\n";
  return out;
}

}  // namespace

CommandResult list_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  Form form;
  Filter filter;
  Options options("list");
  options.flag("--failed", "only keys whose last run failed or was lost", filter.failed);
  options.flag("--running", "only keys with a live run", filter.running);
  options.flag("--paused", "only keys that are paused", filter.paused);
  options.flag("--json", "one JSON document, with everything status shows", form.json);
  options.flag("--plain", "the keys alone, one per line", form.plain);
  options.flag("--prometheus", "metrics in the text format of Prometheus", form.prometheus);
  declare(options, globals);
  if (auto result = parse(options, arguments, list_spec, globals, args, [&] { return settle(form); })) return *result;

  const Console console(globals.quiet, globals.verbose);
  RecordReader reader(globals, console);
  const auto answer = reader.names(args.pattern);
  if (!answer) return result_of(answer.error());
  const auto& names = *answer;
  if (form.plain && !filter.is_set()) return {reader.exit_code(), "", plain_text(names)};

  // Format each record at once. One JSON document of a hundred thousand keys would take a gigabyte in memory.
  std::string document;
  std::vector<KeyStatus> statuses;
  const auto failure = reader.records(names, [&](KeyStatus status) {
    if (!filter.matches(status)) return;
    if (form.json) {
      document += (document.empty() ? "" : ",\n") + status_json(status);
    } else {
      statuses.push_back(std::move(status));
    }
  });
  if (failure) return result_of(*failure);
  CommandResult result{reader.exit_code(), "", ""};
  if (form.json) {
    result.output = "{\"schema\": 1, \"keys\": [" + (document.empty() ? "" : "\n" + document + "\n") + "]}\n";
  } else if (form.plain) {
    result.output = plain_text(statuses);
  } else if (form.prometheus) {
    const auto pause = reader.pause_of_all();
    if (!pause) return result_of(pause.error());
    result.output = list_prometheus(statuses, {globals.ns, pause->has_value(), std::int64_t{1000} * std::time(nullptr)});
    result.exit_code = exit_code::ok;  // a metric reports the malformed records
  } else {
    result.output = list_table(statuses, Palette(STDOUT_FILENO), {screen_columns(STDOUT_FILENO), has_unicode_locale()});
    if (statuses.empty()) {
      const bool is_part = args.pattern || filter.is_set();
      console.decision((is_part ? "no key matches in the namespace " : "no key in the namespace ") + globals.ns);
    }
  }
  return result;
}

}  // namespace condolock::cli
