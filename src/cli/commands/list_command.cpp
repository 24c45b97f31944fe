#include <unistd.h>

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

constexpr CommandSpec list_spec{"condolock list [GLOB] [--json|--plain|--prometheus]", R"(
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

std::optional<CommandResult> settle(const Form& form) {
  if (form.json + form.plain + form.prometheus < 2) return std::nullopt;
  return CommandResult{exit_code::usage, "use only one of --json, --plain and --prometheus", ""};
}

std::string plain_text(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += util::escape(name) + "\n";
  return out;
}

}  // namespace

CommandResult list_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  Form form;
  Options options("list");
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
  if (form.plain) return {reader.exit_code(), "", plain_text(names)};

  // Format each record at once. One JSON document of a hundred thousand keys would take a gigabyte in memory.
  std::string document;
  std::vector<KeyStatus> statuses;
  const auto failure = reader.records(names, [&](KeyStatus status) {
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
  } else if (form.prometheus) {
    result.output = list_prometheus(statuses, globals.ns);
    result.exit_code = exit_code::ok;  // a metric reports the malformed records
  } else {
    result.output = list_table(statuses, Palette(STDOUT_FILENO), {screen_columns(STDOUT_FILENO), has_unicode_locale()});
    if (names.empty()) {
      console.decision((args.pattern ? "no key matches in the namespace " : "no key in the namespace ") + globals.ns);
    }
  }
  return result;
}

}  // namespace condolock::cli
