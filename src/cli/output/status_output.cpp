#include "cli/output/status_output.hpp"

#include "cli/output/json.hpp"
#include "lock/job.hpp"
#include "lock/words.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {
namespace {

std::string ago_and_when(const lock::Record& record, std::int64_t at) {
  return util::format_duration(Millis(record.now - at)) + " ago (" + util::format_local_time(at) + ")";
}

std::string row(const std::string& name, const std::string& value) {
  std::string padded = "  " + name;
  padded.resize(16, ' ');
  return padded + value + "\n";
}

// " by alice@web1 5s ago"
std::string by_whom(const lock::Record& record, const lock::Intervention& what) {
  if (what.by.empty()) return "";
  return " by " + util::escape(what.by) + " " +
         util::format_duration(Millis(std::max<std::int64_t>(record.now - what.at, 0))) + " ago";
}

std::string freed(const lock::Record& record) {
  return "its lease was freed" + by_whom(record, record.freed) + "; its command may still run for " +
         util::format_duration_up(Millis(*record.freed_until - record.now));
}

std::string state(const lock::Record& record, const lock::Holder& holder, const Palette& palette) {
  const std::string by = lock::shown_holder(holder.who);
  if (!record.is_live(holder)) {
    return palette.paint(Tint::bad, "lost") + ": held by " + by + ", whose lease ended " +
           ago_and_when(record, holder.until);
  }
  return palette.paint(Tint::good, "running") + " on " + by + " for " +
         util::format_duration(Millis(std::max<std::int64_t>(record.now - holder.start, 0))) + ", lease ends in " +
         util::format_duration_up(Millis(holder.until - record.now)) +
         (holder.revoked ? ", revoked" + by_whom(record, *holder.revoked) : " unless renewed");
}

std::string last_run(const lock::Record& record, const Palette& palette) {
  const bool success = record.outcome == "success";
  std::string out = palette.paint(success ? Tint::good : Tint::bad, util::escape(record.outcome));
  if (record.code && !success) out += " (exit code " + std::to_string(*record.code) + ")";
  if (record.revoked) out += ", revoked" + by_whom(record, *record.revoked);
  if (record.ended) out += ", ended " + ago_and_when(record, *record.ended);
  if (record.took) out += ", took " + util::format_duration(Millis(*record.took));
  return out;
}

std::string text_of(const KeyStatus& status, const Palette& palette) {
  const lock::Record& record = status.record;
  std::string out = util::escape(status.key) + "\n";
  const std::string pause = record.pause ? row("pause", palette.paint(Tint::bad, shown(*record.pause))) : "";
  if (!record.known) return out + "  no record\n" + pause;
  if (record.freed_until) out += row("state", palette.paint(Tint::bad, "revoked") + ": " + freed(record));
  if (record.holders.empty() && !record.freed_until) out += row("state", "idle");
  for (const lock::Holder& holder : record.holders) out += row("state", state(record, holder, palette));
  if (!record.holders.empty() && record.slots > 1) out += row("slots", std::to_string(record.slots));
  if (record.ahead) out += row("clock", palette.paint(Tint::bad, clock_went_back(*record.ahead)));
  out += pause;
  out += row("last success", record.success_end ? ago_and_when(record, *record.success_end) : "never");
  out += row("last run", record.ended ? last_run(record, palette) : "never");
  if (record.failed_at) out += row("last failure", ago_and_when(record, *record.failed_at));
  out += row("failures", std::to_string(record.failures_in_a_row) + " in a row");
  out += row("runs", std::to_string(record.runs) + ", of which " + std::to_string(record.failures) + " failed");
  out += row("skips", std::to_string(record.skips) + " since the last run");
  if (record.last_refusal) {
    out += row("last skip",
               ago_and_when(record, record.last_refusal->at) + ", on " + lock::shown_holder(record.last_refusal->who));
    out += row("", "because: " + record.last_refusal->why);
  }
  if (record.forget_after) out += row("expires", "when unused for " + util::format_duration(*record.forget_after));
  out += row("fence", record.fence ? std::to_string(*record.fence) : "none");
  return out;
}

Json intervention_json(const lock::Intervention& what) {
  if (what.by.empty()) return nullptr;
  return {{"operator", what.by}, {"at", time_json(what.at)}};
}

Json holder_json(const lock::Record& record, const lock::Holder& holder) {
  Json out = who_json(holder.who);
  out.update({{"fence", holder.fence},
              {"start", time_json(holder.start)},
              {"lease_end", time_json(holder.until)},
              {"live", record.is_live(holder)},
              {"revoked", holder.revoked.has_value()},
              {"revoked_by", holder.revoked ? intervention_json(*holder.revoked) : Json(nullptr)}});
  return out;
}

// "until" is null if only a resume ends the pause.
Json pause_json(const lock::Record& record) {
  if (!record.pause) return nullptr;
  std::optional<std::int64_t> until;
  if (record.pause->left) until = record.now + record.pause->left->count();
  std::optional<std::int64_t> at;
  if (record.pause->since) at = record.now - record.pause->since->count();
  return {{"until", time_json(until)},
          {"reason", record.pause->why},
          {"operator", record.pause->by.empty() ? Json(nullptr) : Json(record.pause->by)},
          {"at", time_json(at)},
          {"all", record.pause->all}};
}

Json json_of(const KeyStatus& status) {
  if (!status.error.empty()) return {{"key", status.key}, {"error", status.error}};
  const lock::Record& record = status.record;
  Json success = nullptr;
  if (record.success_end) success = {{"start", time_json(record.success_start)}, {"end", time_json(record.success_end)}};
  Json last = nullptr;
  if (record.ended) {
    last = {{"outcome", record.outcome},
            {"exit_code", number_json(record.code)},
            {"end", time_json(record.ended)},
            {"duration_ms", number_json(record.took)},
            {"revoked_by", record.revoked ? intervention_json(*record.revoked) : Json(nullptr)}};
  }
  Json freed = nullptr;
  if (record.freed_until) freed = {{"until", time_json(record.freed_until)}, {"by", intervention_json(record.freed)}};
  Json refusal = nullptr;
  if (record.last_refusal) {
    refusal = {{"at", time_json(record.last_refusal->at)},
               {"who", who_json(record.last_refusal->who)},
               {"reason", record.last_refusal->why}};
  }
  const auto ahead = record.ahead ? std::optional(record.ahead->count()) : std::nullopt;
  Json holders = Json::array();
  for (const lock::Holder& holder : record.holders) holders.push_back(holder_json(record, holder));
  return {{"key", status.key},
          {"error", nullptr},
          {"known", record.known},
          {"now", time_json(record.now)},
          {"holders", holders},
          {"slots", record.slots},
          {"freed", freed},
          {"pause", pause_json(record)},
          {"last_success", success},
          {"last_run", last},
          {"last_failure", time_json(record.failed_at)},
          {"failures_in_a_row", record.failures_in_a_row},
          {"runs", record.runs},
          {"failures", record.failures},
          {"skips_since_last_run", record.skips},
          {"skips", record.refusals},
          {"last_skip", refusal},
          {"forget_after_ms", record.forget_after ? Json(record.forget_after->count()) : Json(nullptr)},
          {"fence", number_json(record.fence)},
          {"clock_went_back_ms", number_json(ahead)}};
}

}  // namespace

std::string clock_went_back(Millis ahead) {
  return "the engine's clock went back: a time on record is " + util::format_duration(ahead) +
         " in the future, and counts as now";
}

std::string status_text(const std::vector<KeyStatus>& statuses, const Palette& palette) {
  std::string out;
  for (const KeyStatus& status : statuses) {
    if (!status.error.empty()) continue;  // already printed on stderr
    if (!out.empty()) out += '\n';
    out += text_of(status, palette);
  }
  return out;
}

std::string status_json(const KeyStatus& status) {
  std::string line = dumped(json_of(status), -1);
  line.pop_back();
  return line;
}

std::string status_json(const std::vector<KeyStatus>& statuses) {
  Json keys = Json::array();
  for (const KeyStatus& status : statuses) keys.push_back(json_of(status));
  const Json document{{"schema", 1}, {"keys", keys}};
  return dumped(document, 2);
}

}  // namespace condolock::cli
