#include "cli/output/prometheus.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "util/escape.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::optional<std::string> seconds(std::optional<std::int64_t> ms) {
  return ms ? std::optional(util::format_seconds(*ms)) : std::nullopt;
}

std::optional<std::string> plain(std::optional<std::int64_t> number) {
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

struct Family {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::optional<std::string> (*value)(const lock::Record& record);
};

std::optional<std::int64_t> live_start(const lock::Record& record) {
  std::optional<std::int64_t> first;
  for (const lock::Holder& holder : record.holders) {
    if (record.is_live(holder)) first = std::min(first.value_or(holder.start), holder.start);
  }
  return first;
}

constexpr std::array<Family, 13> families{{
    {"condolock_last_success_timestamp_seconds", "gauge", "When the last successful run ended.",
     [](const lock::Record& record) { return seconds(record.success_end); }},
    {"condolock_last_failure_timestamp_seconds", "gauge", "When the last failed run ended.",
     [](const lock::Record& record) { return seconds(record.failed_at); }},
    {"condolock_last_duration_seconds", "gauge", "How long the last run took.",
     [](const lock::Record& record) { return seconds(record.took); }},
    {"condolock_last_exit_code", "gauge", "Exit code of the last run.",
     [](const lock::Record& record) { return plain(record.code); }},
    {"condolock_runs_total", "counter", "Runs that have ended.",
     [](const lock::Record& record) { return plain(record.runs); }},
    {"condolock_failures_total", "counter", "Runs that failed, were lost or timed out.",
     [](const lock::Record& record) { return plain(record.failures); }},
    {"condolock_failures_in_a_row", "gauge", "Failures since the last success.",
     [](const lock::Record& record) { return plain(record.failures_in_a_row); }},
    {"condolock_skips_total", "counter", "Runs that were refused.",
     [](const lock::Record& record) { return plain(record.refusals); }},
    {"condolock_run_start_timestamp_seconds", "gauge", "When the run in progress began; of several, the first.",
     [](const lock::Record& record) { return seconds(live_start(record)); }},
    {"condolock_skips", "gauge", "Runs that were refused since the last one ended.",
     [](const lock::Record& record) { return plain(record.skips); }},
    {"condolock_held", "gauge", "Leases that are held now.",
     [](const lock::Record& record) { return plain(record.live()); }},
    {"condolock_lost", "gauge", "Leases that ran out before their run was recorded, and which nobody has taken since.",
     [](const lock::Record& record) { return plain(static_cast<std::int64_t>(record.holders.size()) - record.live()); }},
    {"condolock_paused", "gauge", "Whether runs are paused.",
     [](const lock::Record& record) { return plain(record.pause ? 1 : 0); }},
}};

constexpr std::string_view malformed = "condolock_malformed";
constexpr std::string_view namespace_paused = "condolock_namespace_paused";
constexpr std::string_view scrape_time = "condolock_scrape_timestamp_seconds";

std::string sample(std::string_view name, const std::string& ns, const std::string& key, const std::string& value) {
  return std::string(name) + R"({namespace=")" + ns + R"(",key=")" + label(util::escape(key)) + "\"} " + value + "\n";
}

std::string described(std::string_view name, std::string_view type, std::string_view help, const std::string& samples) {
  if (samples.empty()) return "";
  const std::string about(name);
  return "# HELP " + about + " " + std::string(help) + "\n# TYPE " + about + " " + std::string(type) + "\n" + samples;
}

}  // namespace

std::string list_prometheus(const std::vector<KeyStatus>& statuses, const Scrape& scrape) {
  const std::string& ns = scrape.ns;
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
  const auto of_namespace = [&ns](std::string_view name, const std::string& value) {
    return std::string(name) + R"({namespace=")" + ns + "\"} " + value + "\n";
  };
  out += described(namespace_paused, "gauge", "Whether all keys are paused (pause --all).",
                   of_namespace(namespace_paused, scrape.all_paused ? "1" : "0"));
  out += described(scrape_time, "gauge", "When these figures were read, by this machine's clock.",
                   of_namespace(scrape_time, util::format_seconds(scrape.at)));
  return out + described(malformed, "gauge", "Whether the record can't be read, and has no other figures.", samples);
}

}  // namespace condolock::cli
