#include "cli/output/list_output.hpp"

#include <algorithm>

#include "lock/job.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

std::string ago(const lock::Record& record, std::int64_t at) {
  return util::format_duration(Millis(record.now - at)) + " ago";
}

Cell state(const lock::Record& record) {
  const std::int64_t running = record.live();
  std::string pause;
  if (record.pause)
    pause = record.pause->left ? "paused for another " + util::format_duration_up(*record.pause->left) : "paused";
  if (running > 0) {
    const lock::Holder& first = *std::find_if(record.holders.begin(), record.holders.end(),
                                              [&](const lock::Holder& holder) { return record.is_live(holder); });
    std::string text = running > 1 ? std::to_string(running) + " running, one" : "running";
    text += " on " + lock::shown_holder(first.who) + " for " +
            util::format_duration(Millis(std::max<std::int64_t>(record.now - first.start, 0)));
    if (first.revoked) text += ", revoked";
    return {text + (pause.empty() ? "" : ", ") + pause, Tint::good};
  }
  if (record.freed_until)
    return {"revoked, may still run for " + util::format_duration_up(Millis(*record.freed_until - record.now)) +
                (pause.empty() ? "" : ", " + pause),
            Tint::bad};
  if (!record.holders.empty()) return {"lost" + (pause.empty() ? "" : ", " + pause), Tint::bad};
  return pause.empty() ? Cell{"idle", Tint::dim} : Cell{pause, Tint::bad};
}

Cell last_run(const lock::Record& record) {
  if (!record.ended) return {"never", Tint::dim};
  const bool success = record.outcome == "success";
  std::string text = util::escape(record.outcome);
  if (record.code && !success) text += " (" + std::to_string(*record.code) + ")";
  return {text + ", " + ago(record, *record.ended), success ? Tint::none : Tint::bad};
}

}  // namespace

std::string list_table(const std::vector<KeyStatus>& statuses, const Palette& palette, const Fit& fit) {
  std::vector<Row> rows;
  rows.push_back({{"KEY", Tint::dim},
                  {"LAST SUCCESS", Tint::dim},
                  {"LAST RUN", Tint::dim},
                  {"SKIPS", Tint::dim, true},
                  {"STATE", Tint::dim}});
  for (const KeyStatus& status : statuses) {
    const std::string key = util::escape(status.key);
    const lock::Record& record = status.record;
    if (status.error.empty() && !record.known) continue;  // no record, for example after an abandoned run
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
  return rows.size() == 1 ? "" : table_text(std::move(rows), palette, fit);
}

}  // namespace condolock::cli
