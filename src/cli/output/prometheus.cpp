#include "cli/output/prometheus.hpp"

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

constexpr std::array<Family, 10> families{{
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

std::string sample(std::string_view name, const std::string& ns, const std::string& key, const std::string& value) {
  return std::string(name) + R"({namespace=")" + ns + R"(",key=")" + label(util::escape(key)) + "\"} " + value + "\n";
}

std::string described(std::string_view name, std::string_view type, std::string_view help, const std::string& samples) {
  if (samples.empty()) return "";
  const std::string about(name);
  return "# HELP " + about + " " + std::string(help) + "\n# TYPE " + about + " " + std::string(type) + "\n" + samples;
}

}  // namespace

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
