#include "cli/list_output.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/table.hpp"
#include "lock/job.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

std::string ago(const Record& record, std::int64_t at) { return format_duration(Millis(record.now - at)) + " ago"; }

std::int64_t live(const Record& record) {
  return std::count_if(record.holders.begin(), record.holders.end(), [&](const Holder& h) { return record.is_live(h); });
}

Cell state(const Record& record) {
  const std::int64_t running = live(record);
  std::string pause;
  if (record.pause) pause = record.pause->left ? "paused for another " + format_duration_up(*record.pause->left) : "paused";
  if (running > 0) {
    const Holder& first = *std::find_if(record.holders.begin(), record.holders.end(),
                                        [&](const Holder& holder) { return record.is_live(holder); });
    std::string text = running > 1 ? std::to_string(running) + " running, one" : "running";
    text += " on " + shown_holder(first.who) + " for " + format_duration(Millis(record.now - first.start));
    if (first.revoked) text += ", revoked";
    return {text + (pause.empty() ? "" : ", ") + pause, Tint::good};
  }
  if (!record.holders.empty()) return {"lost" + (pause.empty() ? "" : ", " + pause), Tint::bad};
  return pause.empty() ? Cell{"idle", Tint::dim} : Cell{pause, Tint::bad};
}

Cell last_run(const Record& record) {
  if (!record.ended) return {"never", Tint::dim};
  const bool success = record.outcome == "success";
  std::string text = record.outcome;
  if (record.code && !success) text += " (" + std::to_string(*record.code) + ")";
  return {text + ", " + ago(record, *record.ended), success ? Tint::none : Tint::bad};
}

// ---- Prometheus

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

// Milliseconds in seconds, without the rounding of a double.
std::string seconds(std::int64_t ms) {
  const std::string fraction = std::to_string(1000 + ms % 1000);
  return std::to_string(ms / 1000) + "." + fraction.substr(1);
}

std::optional<std::string> seconds(std::optional<std::int64_t> ms) {
  return ms ? std::optional(seconds(*ms)) : std::nullopt;
}

std::optional<std::string> plain(std::optional<std::int64_t> number) {
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

struct Family {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::optional<std::string> (*value)(const Record& record);
};

constexpr std::array<Family, 10> families{{
    {"condolock_last_success_timestamp_seconds", "gauge", "When the last successful run ended.",
     [](const Record& record) { return seconds(record.success_end); }},
    {"condolock_last_failure_timestamp_seconds", "gauge", "When the last failed run ended.",
     [](const Record& record) { return seconds(record.failed_at); }},
    {"condolock_last_duration_seconds", "gauge", "How long the last run took.",
     [](const Record& record) { return seconds(record.took); }},
    {"condolock_last_exit_code", "gauge", "Exit code of the last run.",
     [](const Record& record) { return plain(record.code); }},
    {"condolock_runs_total", "counter", "Runs that have ended.", [](const Record& record) { return plain(record.runs); }},
    {"condolock_failures_total", "counter", "Runs that failed, were lost or timed out.",
     [](const Record& record) { return plain(record.failures); }},
    {"condolock_skips", "gauge", "Runs that were refused since the last one ended.",
     [](const Record& record) { return plain(record.skips); }},
    {"condolock_held", "gauge", "Leases that are held now.", [](const Record& record) { return plain(live(record)); }},
    {"condolock_lost", "gauge", "Leases that ran out before their run was recorded, and which nobody has taken since.",
     [](const Record& record) { return plain(static_cast<std::int64_t>(record.holders.size()) - live(record)); }},
    {"condolock_paused", "gauge", "Whether runs are paused.",
     [](const Record& record) { return plain(record.pause ? 1 : 0); }},
}};

constexpr std::string_view malformed = "condolock_malformed";

std::string sample(std::string_view name, const std::string& ns, const std::string& key, const std::string& value) {
  return std::string(name) + R"({namespace=")" + ns + R"(",key=")" + label(escape(key)) + "\"} " + value + "\n";
}

std::string described(std::string_view name, std::string_view type, std::string_view help, const std::string& samples) {
  if (samples.empty()) return "";
  const std::string about(name);
  return "# HELP " + about + " " + std::string(help) + "\n# TYPE " + about + " " + std::string(type) + "\n" + samples;
}

}  // namespace

std::string list_table(const std::vector<KeyStatus>& statuses, const Palette& palette) {
  std::vector<Row> rows;
  rows.push_back({{"KEY", Tint::dim},
                  {"LAST SUCCESS", Tint::dim},
                  {"LAST RUN", Tint::dim},
                  {"SKIPS", Tint::dim, true},
                  {"STATE", Tint::dim}});
  for (const KeyStatus& status : statuses) {
    const std::string key = escape(status.key);
    const Record& record = status.record;
    if (status.error.empty() && !record.known) continue;  // a run that never began
    if (!status.error.empty()) {
      rows.push_back({{key}, {""}, {""}, {""}, {"malformed", Tint::bad}});
      continue;
    }
    rows.push_back({{key},
                    record.success_end ? Cell{ago(record, *record.success_end)} : Cell{"never", Tint::dim},
                    last_run(record),
                    {std::to_string(record.skips), Tint::none, true},
                    state(record)});
  }
  return rows.size() == 1 ? "" : table_text(rows, palette);
}

std::string list_prometheus(const std::vector<KeyStatus>& statuses, const std::string& ns) {
  std::string out;
  for (const Family& family : families) {
    std::string samples;
    for (const KeyStatus& status : statuses) {
      const auto value = status.record.known ? family.value(status.record) : std::nullopt;
      if (value) samples += sample(family.name, ns, status.key, *value);
    }
    out += described(family.name, family.type, family.help, samples);
  }
  std::string samples;
  for (const KeyStatus& status : statuses) {
    if (status.error.empty() && !status.record.known) continue;
    samples += sample(malformed, ns, status.key, status.error.empty() ? "0" : "1");
  }
  return out + described(malformed, "gauge", "Whether the record can't be read, and has no other figures.", samples);
}

}  // namespace condolock::cli
