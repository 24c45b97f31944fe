// The oracle's rules about times: whatever the server's clock does, nothing blocks a key, and no success counts as recent,
// for longer than its own length.
#include "sim/oracle.hpp"

namespace condolock::sim {
namespace {

constexpr std::int64_t max_time = 1LL << 53;  // as the scripts have it

}  // namespace

void Oracle::on_jump(std::int64_t now_ms) {
  seen_since_.clear();
  // Acknowledged starts from before the jump are stored as now, at the next step that writes.
  for (auto& [key, start] : acknowledged_) start = std::min(start, now_ms);
  for (auto& [token, start] : stored_start_) start = std::min(start, now_ms);
}

// `what` may last no longer than `length` in true time after it was first seen. A little more is allowed, since clocks
// drift.
void Oracle::check_length(const std::string& what, Millis length) {
  const Nanos since = seen_since_.emplace(what, agenda_.now()).first->second;
  if (agenda_.now() - since > nanos(length) + nanos(length) / 50 + 10 * millisecond) {
    violate("length", what + " lasts longer than " + std::to_string(length.count()) + " ms");
  }
}

void Oracle::check_lengths(const Request& request, const std::string& code, std::int64_t now) {
  const bool is_refusal = request.script == &scripts::acquire && code != "granted";
  if (!is_refusal) {
    // What blocks a key, and successes that its end makes recent, may start again.
    const std::string prefix = key_ + " ";
    std::erase_if(seen_since_, [&](const auto& seen) { return seen.first.starts_with(prefix); });
  }
  if (is_lossy() || request.script != &scripts::acquire || code == "verdicts" || code == "retired") return;
  // The script has stored the times as now.
  const auto run = runs_.find(request.args.at(1));
  if (run == runs_.end()) return;
  if (run->second->plan.attempt.needs.starts) {
    for (auto& [token, start] : starts_[key_]) start = std::min(start, now);
  }
  for (const lock::Condition& condition : run->second->plan.conditions) {
    const auto* fresh = std::get_if<lock::AccessedPrior>(&condition);
    if (fresh == nullptr || fresh->key == key_ || !holds(condition, *run->second, now)) continue;
    check_length(fresh->key + " fresh for " + shown(condition), fresh->time);
  }
  if (code == "held") {
    for (const SeenHolder& holder : before_.live(now))
      check_length(key_ + " lease of " + holder.token, Millis(holder.length));
  } else if (code == "paused") {
    const bool is_of_all = pause_all_.mended(now).until > before_.paused_until;
    const Millis length(is_of_all ? pause_all_.length : before_.paused_for);
    if (length > Millis(0)) check_length(key_ + (is_of_all ? " pause of all" : " pause"), length);
  } else if (code == "skipped" && refusing_ != nullptr) {
    const std::string what = key_ + " " + refused_by_;
    if (const auto* c = std::get_if<lock::MinTime>(refusing_)) check_length(what, c->n);
    if (const auto* c = std::get_if<lock::MaxRuns>(refusing_)) check_length(what, c->time);
    // The end of a lease makes a failed run without any step.
    const std::string ended = std::to_string(before_.settled(now).ended);
    if (const auto* c = std::get_if<lock::RetryAfter>(refusing_)) check_length(what + " after " + ended, c->n);
  }
}

// The pause of all keys is what the operator asked for last, and nobody else changes it.
void Oracle::check_pause(const Request& request, std::int64_t now) {
  const std::string verb(request.script->name);
  const SeenPause after = look_at_pause(server_->store());
  const bool pauses = verb == "pause" && request.args.at(4) == "1";
  const bool resumes = verb == "resume" && request.args.at(0) == "1";
  if (!pauses && !resumes) {
    if (after.until != pause_all_.until && after.until != pause_all_.mended(now).until)
      violate("pause", verb + " changes the pause of all keys");
    return;
  }
  if (pauses && after.until < now + std::stoll("0" + request.args.at(1))) violate("pause", "pause --all pauses nothing");
  if (resumes && after.until != 0) violate("pause", "resume --all leaves the pause");
  std::erase_if(seen_since_, [](const auto& seen) { return seen.first.ends_with(" pause of all"); });
  // It wakes nobody: who sleeps learns of it within 30 seconds.
  free_since_.clear();
  awake_by_ = agenda_.now() + 31 * second;
}

// ---- --forget-after

// A record that a run used is there for so long afterwards. An answer that is given again is no use.
void Oracle::check_expiry(const std::string& verb, const std::string& code, const SeenRecord& after, std::int64_t now) {
  if (code != "granted" && code != "renewed" && (code != "recorded" || after.runs == before_.runs)) return;
  const auto all = expiries(server_->store(), key_);
  const auto job = all.find("job");
  const std::int64_t at = job == all.end() ? now : job->second;
  if (after.forget_after == 0 ? at != 0 && at < max_time : at < now + after.forget_after)
    violate("expiry", verb + " lets the record of " + key_ + " expire too early");
}

// What has expired was not in use, and all keys of the job go together. What is forgotten, the oracle forgets, too.
void Oracle::notice_expired(std::int64_t now) {
  for (const std::string key : {"a", "b"}) {
    const auto all = expiries(server_->store(), key);
    const auto job = all.find("job");
    const std::int64_t at = job == all.end() ? 0 : job->second;
    if (at == 0 || at > now || expired_[key] == at) continue;
    expired_[key] = at;
    trace_.line(agenda_.now(), static_cast<std::uint64_t>(at),
                [&] { return "       the record of " + key + " has expired"; });
    const std::string record = "the record of " + key;
    const SeenRecord gone = look_at(server_->store(), key, at - 1);
    for (const SeenHolder& holder : gone.live(at))
      violate("expired", record + " expires under the lease of " + holder.token);
    if (gone.paused_until > at) violate("expired", record + " expires while it is paused");
    for (const auto& [kind, expires] : all) {
      if (expires != at) violate("expired", std::string(record).append(" expires, but not its ").append(kind));
    }
    acknowledged_.erase(key);
    reset_at_[key] = agenda_.now();
    for (const auto& [token, run] : runs_) {
      if (run->plan.attempt.job.key == key) others_.erase(token);
    }
  }
}

}  // namespace condolock::sim
