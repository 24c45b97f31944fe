#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/key.hpp"
#include "cli/list_output.hpp"
#include "cli/reading.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock list [GLOB] [--json|--plain|--prometheus]", R"(
All keys of the namespace, or those that match: * (anything, also a /), ? (one
byte), [a-z], [!a-z]. What is no plain text is shown as \xNN, a backslash as \\.

Examples:
  condolock list 'backup-*'
  condolock list --plain 'backup-*' | xargs -rd '\n' condolock status --
  condolock list --prometheus >condolock.prom.new && mv condolock.prom.new condolock.prom
)",
                      Frame::Takes::pattern};

struct Form {
  bool json = false;
  bool plain = false;
  bool prometheus = false;
};

std::optional<Ending> settle(const Form& form) {
  if (form.json + form.plain + form.prometheus < 2) return std::nullopt;
  return Ending{exit_code::usage, "--json, --plain and --prometheus: give one of them", ""};
}

std::string plain_text(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += escape(name) + "\n";
  return out;
}

}  // namespace

Ending list_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  Form form;
  Options options("list");
  options.flag("--json", "one JSON document, with all that status tells", form.json);
  options.flag("--plain", "the keys alone, one in a line", form.plain);
  options.flag("--prometheus", "figures for Prometheus, as its text format has them", form.prometheus);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked, [&] { return settle(form); })) return *ending;

  const Console console(globals.quiet, globals.verbose);
  Reading reading(globals, console);
  const auto answer = reading.names(asked.pattern);
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);
  const auto& names = std::get<std::vector<std::string>>(answer);
  if (form.plain) return {exit_code::ok, "", plain_text(names)};

  // Each key's part of a document at once: of a hundred thousand keys the whole would take a gigabyte.
  std::string document;
  std::vector<KeyStatus> statuses;
  const auto failure = reading.records(names, [&](KeyStatus status) {
    if (form.json) {
      document += (document.empty() ? "" : ",\n") + status_json(status);
    } else {
      statuses.push_back(std::move(status));
    }
  });
  if (failure) return ended(*failure);
  Ending ending{reading.exit_code(), "", ""};
  if (form.json) {
    ending.output = "{\"schema\": 1, \"keys\": [" + (document.empty() ? "" : "\n" + document + "\n") + "]}\n";
  } else if (form.prometheus) {
    ending.output = list_prometheus(statuses, globals.ns);
    ending.exit_code = exit_code::ok;  // a record that is malformed is a figure there
  } else {
    ending.output = list_table(statuses, Palette(STDOUT_FILENO));
    if (names.empty()) {
      console.decision("no key in the namespace " + globals.ns + (asked.pattern ? " matches" : ""));
    }
  }
  return ending;
}

}  // namespace condolock::cli
