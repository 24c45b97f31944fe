#include "printed.hpp"

#include <nlohmann/json.hpp>

#include "cli/output/command_result.hpp"
#include "cli/output/history_output.hpp"
#include "cli/output/list_output.hpp"
#include "cli/output/prometheus.hpp"
#include "fuzz.hpp"
#include "lock/words.hpp"
#include "util/duration.hpp"

using namespace condolock;

namespace fuzz {
namespace {

void must_be_json(const std::string& text) {
  must(nlohmann::json::accept(text), "what is printed is not JSON");
  for (const char c : text) must(static_cast<unsigned char>(c) >= ' ' || c == '\n', "JSON has a control character");
}

}  // namespace

void check_printed(const engine::Failure& failure) { must_be_message(cli::describe(failure)); }

void check_printed(const engine::Answered<lock::Record>& record) {
  const cli::Palette palette(-1);
  cli::KeyStatus status{"K", {}, ""};
  if (record) {
    status.record = *record;
  } else {
    status.error = cli::describe(record.error());
    must_be_message(status.error);
  }
  must_be_printable(cli::status_text({status}, palette), true);
  must_be_printable(cli::list_table({status}, palette), true);
  must_be_printable(cli::list_prometheus({status}, {"ns"}), true);
  must_be_json(cli::status_json({status}));
}

void check_printed(const lock::History& history) {
  must_be_printable(cli::history_text("K", history, {.palette = cli::Palette(-1), .unicode = true}), true);
  must_be_json(cli::history_json("K", history));
}

void check_printed(const lock::Decision& decision, const std::vector<lock::Condition>& conditions) {
  if (const auto* held = std::get_if<lock::Held>(&decision)) {
    must_be_message(lock::shown_holder(held->who));
    must_be_message(util::format_duration(held->since));
    must_be_message(util::format_duration_up(held->left));
  } else if (const auto* paused = std::get_if<lock::Paused>(&decision)) {
    must_be_message(lock::shown(*paused));
  } else if (const auto* skipped = std::get_if<lock::Skipped>(&decision)) {
    must(skipped->position < conditions.size(), "a condition that nobody asked for is named");
    must_be_message(lock::explain(conditions[skipped->position], skipped->verdict));
  }
}

}  // namespace fuzz
