// The oracle's second half: the rules for commands, reports of runs, and the end.
#include <sstream>

#include "sim/oracle.hpp"

namespace condolock::sim {

void Oracle::on_command(const RunSpec& run, std::int64_t fence) {
  ++counts_.commands;
  if (fence == 0) return;  // the user chose to run the command without a lease
  const lock::Attempt& attempt = run.plan.attempt;
  // It need not be the last grant: a late request was granted the same lease again.
  const auto granted = starts_of_.find({attempt.token, fence});
  if (granted == starts_of_.end()) {
    return violate("ungranted", "r" + std::to_string(run.number) + " starts a command without a grant");
  }
  started_[attempt.token] = {granted->second, agenda_.now()};
  living_[run.number] = {attempt.job.key, attempt.slots};
  std::int64_t min = attempt.slots;
  std::int64_t together = 0;
  for (const auto& [number, living] : living_) {
    if (living.key != attempt.job.key) continue;
    ++together;
    min = std::min(min, living.slots);
  }
  if (together <= min) return;
  ++counts_.overlaps;
  if (scenario_.is_promised()) {
    violate("exclusion",
            std::to_string(together) + " commands of " + attempt.job.key + " live, of at most " + std::to_string(min));
  }
}

void Oracle::on_command_end(const RunSpec& run) { living_.erase(run.number); }

void Oracle::on_report(const RunSpec& run, const run::Report& report) {
  const lock::Attempt& attempt = run.plan.attempt;
  if (const auto* stopping = std::get_if<run::report::Stopping>(&report)) {
    ++counts_.stopped;
    if (scenario_.profile == Profile::calm && stopping->why == run::report::Stopping::Why::not_renewed) {
      violate("needless", "r" + std::to_string(run.number) + " is stopped though its lease is renewed");
    }
  }
  if (const auto* refused = std::get_if<run::report::Refused>(&report)) {
    const auto* held = std::get_if<lock::Held>(&refused->decision);
    if (held != nullptr && held->who == attempt.who && revoked_.count(attempt.job.key) == 0) {
      violate("itself", "r" + std::to_string(run.number) + " is kept out by its own lease");
    }
  }
  const bool leased = granted_.count(attempt.token) > 0 && run.plan.on_unreachable != run::OnUnreachable::run;
  if (std::holds_alternative<run::report::Recorded>(report) && leased && recorded_.count(attempt.token) == 0 &&
      !is_lossy()) {
    violate("unrecorded", "r" + std::to_string(run.number) + " believes that it was recorded");
  }
}

void Oracle::on_exit(const RunSpec& run, int code) {
  if (living_.count(run.number) > 0) violate("orphan", "r" + std::to_string(run.number) + " exits before its command");
  const auto started = started_.find(run.plan.attempt.token);
  if (code != 0 || started == started_.end() || run.plan.on_unreachable == run::OnUnreachable::run) return;
  const auto reset = reset_at_.find(run.plan.attempt.job.key);
  if (reset != reset_at_.end() && started->second.second <= reset->second) return;
  auto& newest = acknowledged_[run.plan.attempt.job.key];
  const auto stored = stored_start_.find(run.plan.attempt.token);
  newest = std::max(newest, stored == stored_start_.end() ? started->second.first : stored->second);
}

void Oracle::check_history(const std::string& key) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const engine::embedded::Item& row : server_->store().range("{sim}:runs:" + key, {})) {
    std::istringstream words(row.value.value());
    std::string fence, start, end, outcome;
    words >> fence >> start >> end >> outcome;
    if (fence == "0" || seen.emplace(fence, outcome).second) continue;
    std::string text = "the run ";
    violate("history", text.append(fence).append(" is twice in the history as ").append(outcome));
  }
}

void Oracle::at_end(const std::vector<std::unique_ptr<Process>>& processes) {
  for (const auto& process : processes) {
    if (process->has_begun() && !process->is_over())
      violate("starved", "r" + std::to_string(process->spec().number) + " never ends");
  }
  const std::int64_t now = server_->now_us() / 1000;
  notice_expired(now);
  for (const std::string key : {"a", "b"}) {
    if (is_lossy()) continue;
    if (remembers()) check_history(key);
    const auto acknowledged = acknowledged_.find(key);
    if (acknowledged != acknowledged_.end() && look_at(server_->store(), key, now).ok_start < acknowledged->second) {
      violate("forgotten", "a success of " + key + " that was acknowledged is not on record");
    }
  }
}

}  // namespace condolock::sim
