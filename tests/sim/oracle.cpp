// The oracle's first half: the rules of the server.
#include "sim/oracle.hpp"

#include <algorithm>

namespace condolock::sim {
namespace {

std::string key_of(const Request& request) {
  const std::string& record = request.keys.at(0);
  return record.substr(record.rfind(':') + 1);
}

// The token of the request; empty: an operator's.
std::string token_of(const Request& request) {
  const std::string_view verb = request.script->name;
  if (verb == "abandon") return request.args.at(0);
  if (verb == "acquire" || verb == "renew" || verb == "finish" || verb == "touch") return request.args.at(1);
  return "";
}

}  // namespace

void Oracle::violate(const std::string& rule, const std::string& text) {
  if (violation_) return;
  violation_ = Violation{rule, text};
  trace_.line(agenda_.now(), 99, [&] { return "*** " + rule + ": " + text; });
}

// ---- conditions, judged from the record and from observed events

bool Oracle::holds(const lock::Condition& condition, const RunSpec& run, std::int64_t now) {
  const std::string& own_key = run.plan.attempt.job.key;
  engine::embedded::Store& store = server_->store();
  const SeenRecord own = before_.settled(now);
  const auto of = [&](const std::string& key) {
    return key == own_key ? own : look_at(store, key, now).mended(now).settled(now);
  };
  if (const auto* c = std::get_if<lock::MinTime>(&condition)) {
    const std::int64_t at = c->from == From::start ? own.ok_start : own.ok_end;
    return at == 0 || now - at >= c->n.count();
  }
  if (const auto* c = std::get_if<lock::AccessedPrior>(&condition)) {
    const SeenRecord other = of(c->key);
    return other.ended != 0 && other.outcome == "success" && now - other.ended <= c->time.count();
  }
  if (const auto* c = std::get_if<lock::After>(&condition)) {
    const SeenRecord other = of(c->key);
    return other.ok_end != 0 && other.ok_end >= own.ok_start;
  }
  if (const auto* c = std::get_if<lock::NotRunning>(&condition)) return of(c->key).live(now).empty();
  if (const auto* c = std::get_if<lock::RetryAfter>(&condition)) {
    return own.ended == 0 || own.outcome == "success" || now - own.ended >= c->n.count();
  }
  if (const auto* c = std::get_if<lock::MaxFailures>(&condition)) return own.failures_in_a_row < c->limit;
  if (const auto* c = std::get_if<lock::MaxRuns>(&condition)) {
    // In the order of their grants, which is that of their times unless the server's clock jumps.
    const auto& starts = starts_[own_key];
    const auto limit = static_cast<std::size_t>(c->limit);
    return starts.size() < limit || now - std::min(now, starts[starts.size() - limit].second) >= c->time.count();
  }
  return once_.count(own_key + " " + std::get<lock::Once>(condition).id) == 0;
}

// ---- the server

void Oracle::before(const Request& request, std::int64_t now_ms) {
  key_ = key_of(request);
  if (const auto free = free_since_.find(key_);
      free != free_since_.end() && agenda_.now() - free->second > 200 * millisecond) {
    violate("asleep", "the lease of " + key_ + " is free, and somebody sleeps for it");
  }
  notice_expired(now_ms);
  before_ = look_at(server_->store(), key_, now_ms).mended(now_ms);
  pause_all_ = look_at_pause(server_->store());
  refusing_ = nullptr;
  refused_by_.clear();
  is_paused_ = false;
  if (request.script != &scripts::acquire) return;
  const auto run = runs_.find(token_of(request));
  if (run == runs_.end()) return;
  const run::Plan& plan = run->second->plan;
  is_paused_ = !plan.forced && std::max(before_.paused_until, pause_all_.mended(now_ms).until) > now_ms;
  for (const lock::Condition& condition : plan.conditions) {
    // A server may have lost these two, but the oracle remembers them.
    const bool remembered =
        std::holds_alternative<lock::MaxRuns>(condition) || std::holds_alternative<lock::Once>(condition);
    if (is_lossy() && remembered) continue;
    if (refused_by_.empty() && !holds(condition, *run->second, now_ms)) {
      refusing_ = &condition;
      refused_by_ = shown(condition);
    }
  }
}

void Oracle::after(const Request& request, const Answer& answer, std::int64_t now_ms) {
  const std::string verb(request.script->name);
  const std::string token = token_of(request);
  if (answer.kind == Answer::Kind::error) return violate("error", verb + " failed: " + answer.text);
  const std::string& code = answer.values.at(0);
  if (code == "malformed" || code == "newer")
    return violate("malformed", verb + " answers " + code + ": " + answer.values.at(1));
  const SeenRecord after = look_at(server_->store(), key_, now_ms);
  for (const SeenHolder& holder : after.holders) trace_.mix(static_cast<std::uint64_t>(holder.expires_at));
  trace_.mix(static_cast<std::uint64_t>(after.fence));
  check_forward(verb, after);
  if (verb != "unlock" || request.args.at(1) != "1") check_others(verb, token, after, now_ms);
  if (verb == "acquire" && code == "granted") check_grant(token, answer.values, now_ms);
  if (verb == "acquire" && code != "granted") check_refusal(token, code, now_ms);
  check_lengths(request, code, now_ms);
  check_pause(request, now_ms);
  check_expiry(verb, code, after, now_ms);
  if (verb == "renew") check_renewal(request, code, now_ms);
  if (verb == "finish") check_finish(request, answer.values, after, now_ms);
  if (verb == "abandon" && code == "abandoned") {
    done_.insert(token);
    auto& starts = starts_[key_];
    // Only a start whose lease still exists can be removed.
    const auto mine = [&](const auto& start) { return start.first == token; };
    if (before_.find(token) != nullptr) starts.erase(std::remove_if(starts.begin(), starts.end(), mine), starts.end());
  }
  if (verb == "unlock") revoked_.insert(key_);
  if (code == "removed") {
    for (const SeenHolder& holder : before_.live(now_ms)) removed_.insert({holder.token, holder.fence});
  }
  if (verb == "reset" && code == "reset") {
    starts_.erase(key_);
    acknowledged_.erase(key_);
    reset_at_[key_] = agenda_.now();
    const std::string prefix = key_ + " ";
    for (auto at = once_.begin(); at != once_.end();) at = at->starts_with(prefix) ? once_.erase(at) : std::next(at);
  }
  check_wake_up(key_, after, now_ms);
}

void Oracle::check_forward(const std::string& verb, const SeenRecord& after) {
  struct Field {
    const char* name;
    std::int64_t SeenRecord::*field;
  };
  static constexpr Field fields[] = {{"fence", &SeenRecord::fence},       {"cut", &SeenRecord::cut},
                                     {"ok_start", &SeenRecord::ok_start}, {"ok_end", &SeenRecord::ok_end},
                                     {"ended", &SeenRecord::ended},       {"failed_at", &SeenRecord::failed_at},
                                     {"runs", &SeenRecord::runs},         {"failures", &SeenRecord::failures}};
  for (const Field& field : fields) {
    const bool kept = field.field == &SeenRecord::fence || field.field == &SeenRecord::cut;
    if (verb == "reset" && !kept) continue;
    if (after.*field.field < before_.*field.field) {
      violate("backwards", verb + " sets " + field.name + " from " + std::to_string(before_.*field.field) + " to " +
                               std::to_string(after.*field.field));
    }
  }
}

// Only its holder may release or shorten a live lease.
void Oracle::check_others(const std::string& verb, const std::string& token, const SeenRecord& after, std::int64_t now) {
  for (const SeenHolder& holder : before_.live(now)) {
    if (holder.token == token) continue;
    const SeenHolder* still = after.find(holder.token);
    if (still != nullptr && still->expires_at >= holder.expires_at) continue;
    std::string text = verb;
    violate("taken", text.append(" by ").append(token).append(" takes the lease of ").append(holder.token));
  }
}

void Oracle::check_grant(const std::string& token, const engine::Values& values, std::int64_t now) {
  const std::int64_t fence = std::stoll(values.at(1));
  const SeenHolder* mine = before_.find(token);
  const bool held = mine != nullptr && mine->revoked == 0 && mine->expires_at > now;
  if (const auto known = granted_.find(token); known != granted_.end() && held) {
    if (known->second.fence != fence) violate("fence", token + " is granted a second fence");
    return;
  }
  ++counts_.grants;
  if (done_.count(token) > 0 && remembers()) return violate("ghost", token + " is granted a lease after it was done");
  // The same fence may be granted again to the same token, if no greater one was given since.
  const auto before = granted_.find(token);
  const bool is_its_own = before != granted_.end() && before->second.fence == fence && fences_[key_] == fence;
  if (fence <= fences_[key_] && !is_its_own) {
    violate("fence", token + " is granted " + values.at(1) + " after " + std::to_string(fences_[key_]));
  }
  fences_[key_] = std::max(fences_[key_], fence);
  for (const auto& [other, run] : runs_) {
    if (other != token && run->plan.attempt.job.key == key_) others_[other] = std::max(others_[other], fence);
  }
  granted_[token] = {fence, std::stoll(values.at(2))};
  starts_of_[{token, fence}] = std::stoll(values.at(2));
  const auto run = runs_.find(token);
  if (run == runs_.end()) return;
  // Conditions do not apply to a token whose lease ended before its command started.
  const bool again = mine != nullptr && mine->revoked == 0;
  if (!refused_by_.empty() && !again) violate("condition", token + " is granted a lease against " + refused_by_);
  if (is_paused_ && !again) violate("condition", token + " is granted a lease against a pause");
  const auto live = static_cast<std::int64_t>(before_.live(now).size());
  if (live >= run->second->plan.attempt.slots || (mine != nullptr && mine->expires_at > now))
    violate("exclusion", token + " is granted one lease too many");
  if (run->second->plan.attempt.needs.starts && !again) starts_[key_].emplace_back(token, now);
}

void Oracle::check_refusal(const std::string& token, const std::string& code, std::int64_t now) {
  const auto run = runs_.find(token);
  if (run == runs_.end()) return;
  const lock::Attempt& attempt = run->second->plan.attempt;
  const auto live = static_cast<std::int64_t>(before_.live(now).size());
  const SeenHolder* mine = before_.find(token);
  const bool is_held = live >= attempt.slots || (live > 0 && (attempt.slots != before_.slots || mine != nullptr));
  if (code == "held" && !is_held) violate("refused", token + " is kept out, but there is a slot for it");
  if (code == "paused" && !is_paused_) violate("refused", token + " is kept out by a pause that is over");
  if (code == "skipped" && refused_by_.empty() && !is_lossy())
    violate("refused", token + " is skipped, but all conditions hold");
  if (code == "retired" && done_.count(token) == 0 && !is_lossy()) violate("refused", token + " is not done");
}

void Oracle::check_renewal(const Request& request, const std::string& code, std::int64_t now) {
  const std::string& token = request.args.at(1);
  const std::int64_t fence = std::stoll(request.args.at(2));
  const SeenHolder* mine = before_.find(token);
  if (code == "renewed" && mine != nullptr && mine->revoked != 0)
    violate("revoked", token + " renews a lease that was revoked");
  if ((code == "renewed" || code == "reasserted") && removed_.count({token, fence}) > 0 && !is_lossy())
    violate("revoked", token + " takes a lease again that unlock --now removed");
  if (code == "renewed" && (mine == nullptr || mine->start != std::stoll(request.args.at(3))))
    violate("another", token + " renews another lease than its own");
  const bool alone =
      request.args.at(7) == "1" && before_.live(now).empty() && revoked_.count(key_) == 0 && reset_at_.count(key_) == 0;
  if (code == "lost" && alone && fences_[key_] == fence) {
    violate("needless", token + " is told that it lost a lease that nobody took");
  }
}

void Oracle::check_finish(const Request& request, const engine::Values& values, const SeenRecord& after, std::int64_t now) {
  const std::string& token = request.args.at(1);
  const bool is_success = request.args.at(4) == "success";
  if (after.find(token) != nullptr) violate("kept", "finish of " + token + " leaves its lease");
  const bool is_first = done_.insert(token).second;
  if (values.at(0) == "superseded") return check_superseded(request);
  if (values.at(0) != "recorded") return;
  recorded_.insert(token);
  if (!is_first) {
    if (after.runs != before_.runs && remembers()) violate("count", "finish of " + token + " is counted twice");
    return;
  }
  const std::int64_t start = std::stoll(request.args.at(3));
  stored_start_[token] = std::min(start, now);
  if (after.runs != before_.runs + 1) violate("count", "finish of " + token + " is not counted as one run");
  // A run that waited for what its command left says how long ago the command ended.
  const std::string& age = request.args.at(10);
  const std::int64_t ended =
      std::max(std::min(start, now), now - (age.empty() ? std::int64_t{0} : std::int64_t{std::stoll(age)}));
  if (after.ended < ended) violate("success", "finish of " + token + " records no end");
  if (is_success && (after.ok_end < ended || after.ok_start < std::min(start, now)))
    violate("success", "finish of " + token + " records no success");
  if (is_success && !request.args.at(9).empty()) once_.insert(key_ + " " + request.args.at(9));
  if (is_overtaken(request) && !is_lossy()) {
    violate("superseded", "finish of " + token + " is recorded though another run came after it");
  }
}

// With one slot, a later grant has taken this run's lease.
bool Oracle::is_overtaken(const Request& request) const {
  const std::string& token = request.args.at(1);
  const SeenHolder* mine = before_.find(token);
  if (mine != nullptr && mine->start == std::stoll(request.args.at(3))) return false;
  const auto newest = others_.find(token);
  return request.args.at(8) == "1" && newest != others_.end() && newest->second > std::stoll(request.args.at(2));
}

void Oracle::check_superseded(const Request& request) {
  const std::string& token = request.args.at(1);
  // Operators remove leases, too, and a server loses them. With several slots, only the script knows whose lease was taken.
  const bool other_reason =
      revoked_.count(key_) > 0 || reset_at_.count(key_) > 0 || !remembers() || request.args.at(8) != "1";
  if (other_reason || is_overtaken(request)) return;
  violate("superseded", "finish of " + token + " is not recorded, though no other run came after it");
}

// Without faults, no run sleeps while a lease is free.
void Oracle::check_wake_up(const std::string& key, const SeenRecord& after, std::int64_t now) {
  if (scenario_.profile != Profile::calm) return;
  const bool is_paused = std::max(after.paused_until, pause_all_.mended(now).until) > now;
  if (is_paused || agenda_.now() < awake_by_) return void(free_since_.erase(key));
  const auto live = static_cast<std::int64_t>(after.live(now).size());
  const auto asleep = server_->asleep("{sim}:wake:" + key);
  // Runs with another number of slots than the holders' are refused, so they may sleep.
  const bool in_vain = std::any_of(asleep.begin(), asleep.end(), [&](const std::string& token) {
    return live == 0 || (live < after.slots && runs_.at(token)->plan.attempt.slots == after.slots);
  });
  if (!in_vain) {
    free_since_.erase(key);
    return;
  }
  free_since_.emplace(key, agenda_.now());
}

}  // namespace condolock::sim
