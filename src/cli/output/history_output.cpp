#include "cli/output/history_output.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "cli/output/json.hpp"
#include "cli/output/table.hpp"
#include "lock/job.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

struct Marks {
  std::array<std::string_view, 8> bars;
  std::string_view success;
  std::string_view failure;
};

constexpr Marks unicode_marks{{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, "✓", "✗"};
constexpr Marks ascii_marks{{"_", ".", "-", "~", "=", "+", "*", "#"}, "+", "x"};

std::int64_t took(const lock::HistoryEntry& run) { return std::max<std::int64_t>(run.end - run.start, 0); }

bool is_success(const lock::HistoryEntry& run) { return run.outcome == "success"; }

bool is_touch(const lock::HistoryEntry& run) { return run.fence == 0; }

// A run that lost its lease has a row as lost, and one as superseded if it ended later. It counts once.
std::vector<lock::HistoryEntry> counted(const std::vector<lock::HistoryEntry>& runs) {
  std::vector<lock::HistoryEntry> out;
  for (const lock::HistoryEntry& run : runs) {
    const bool is_again = run.outcome == "superseded" && std::any_of(runs.begin(), runs.end(), [&](const auto& other) {
                            return other.outcome == "lost" && other.fence == run.fence;
                          });
    if (!is_again) out.push_back(run);
  }
  return out;
}

// The longest run has the highest bar. A touch has no duration, so it has no bar.
std::string sparkline(const std::vector<lock::HistoryEntry>& runs, const Marks& marks, const Palette& palette) {
  std::int64_t longest = 1;
  for (const lock::HistoryEntry& run : runs) longest = std::max(longest, took(run));
  std::string out;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const auto height = static_cast<std::size_t>(took(*run) * static_cast<std::int64_t>(marks.bars.size() - 1) / longest);
    if (!is_touch(*run)) out += palette.paint(is_success(*run) ? Tint::good : Tint::bad, marks.bars.at(height));
  }
  return out;
}

// The median duration in milliseconds. For an even number of runs, the longer of the two in the middle.
std::optional<std::int64_t> median(const std::vector<lock::HistoryEntry>& runs) {
  std::vector<std::int64_t> lengths;
  for (const lock::HistoryEntry& run : runs) {
    if (!is_touch(run)) lengths.push_back(took(run));
  }
  if (lengths.empty()) return std::nullopt;
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return *middle;
}

std::int64_t longest(const std::vector<lock::HistoryEntry>& runs) {
  std::int64_t out = 0;
  for (const lock::HistoryEntry& run : runs) out = std::max(out, took(run));
  return out;
}

std::string shown_time(std::int64_t at, util::Zone zone) {
  return zone == util::Zone::utc ? util::format_time(at) : util::format_local_time(at);
}

const Marks& marks_of(const HistoryForm& form) { return form.unicode ? unicode_marks : ascii_marks; }

Row row(const lock::HistoryEntry& run, const HistoryForm& form) {
  const Marks& marks = marks_of(form);
  const Tint tint = is_success(run) ? Tint::good : Tint::bad;
  std::string outcome = run.outcome;
  if (run.code && !is_success(run)) outcome += " (" + std::to_string(*run.code) + ")";
  if (is_touch(run)) outcome += ", by touch";
  return {{std::string(is_success(run) ? marks.success : marks.failure), tint},
          {shown_time(run.start, form.zone)},
          {is_touch(run) ? "" : util::format_duration(Millis(took(run))), Tint::none, true},
          {outcome, is_success(run) ? Tint::none : tint},
          {lock::shown_holder(run.who)}};
}

Json run_json(const lock::HistoryEntry& run) {
  Json out = who_json(run.who);
  out.update({{"fence", is_touch(run) ? Json(nullptr) : Json(run.fence)},
              {"start", time_json(run.start)},
              {"end", time_json(run.end)},
              {"duration_ms", took(run)},
              {"outcome", run.outcome},
              {"exit_code", number_json(run.code)}});
  return out;
}

}  // namespace

std::string history_text(const std::string& key, const lock::History& history, const HistoryForm& form) {
  const Marks& marks = marks_of(form);
  const Palette& palette = form.palette;
  const auto runs = counted(history.runs);
  if (runs.empty()) return util::escape(key) + (history.known ? ": no run in the history\n" : ": no record\n");
  const auto failures = runs.size() - static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), is_success));
  std::string out = util::escape(key) + ": " + std::to_string(runs.size()) + (runs.size() == 1 ? " run, " : " runs, ") +
                    std::to_string(failures) + " failed";
  if (const auto middle = median(runs)) {
    out += ", median " + util::format_duration(Millis(*middle)) + ", longest " +
           util::format_duration(Millis(longest(runs))) + "  " + sparkline(runs, marks, palette);
  }
  std::vector<Row> rows;
  rows.push_back({{""}, {"BEGAN", Tint::dim}, {"TOOK", Tint::dim, true}, {"OUTCOME", Tint::dim}, {"ON", Tint::dim}});
  for (const lock::HistoryEntry& run : history.runs) rows.push_back(row(run, form));
  return out + "\n" + table_text(std::move(rows), palette);
}

std::string history_text(const std::vector<KeyRun>& runs, const HistoryForm& form) {
  std::vector<Row> rows;
  rows.push_back({{""},
                  {"BEGAN", Tint::dim},
                  {"KEY", Tint::dim},
                  {"TOOK", Tint::dim, true},
                  {"OUTCOME", Tint::dim},
                  {"ON", Tint::dim}});
  for (const KeyRun& each : runs) {
    Row cells = row(each.run, form);
    cells.insert(cells.begin() + 2, Cell{util::escape(each.key)});
    rows.push_back(std::move(cells));
  }
  return runs.empty() ? "" : table_text(std::move(rows), form.palette);
}

std::string history_json(const std::string& key, const lock::History& history) {
  Json runs = Json::array();
  for (const lock::HistoryEntry& run : history.runs) runs.push_back(run_json(run));
  return dumped({{"schema", 1}, {"key", key}, {"known", history.known}, {"runs", runs}}, 2);
}

std::string history_json(const std::vector<KeyRun>& runs) {
  Json all = Json::array();
  for (const KeyRun& each : runs) {
    Json run{{"key", each.key}};
    run.update(run_json(each.run));
    all.push_back(std::move(run));
  }
  return dumped({{"schema", json_schema}, {"runs", all}}, 2);
}

bool has_unicode_locale() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    std::string name;
    for (const char* c = value; *c != '\0'; ++c) name += static_cast<char>(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    return name.find("utf-8") != std::string::npos || name.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace condolock::cli
