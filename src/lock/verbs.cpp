#include "lock/verbs.hpp"

#include "lock/reply_reader.hpp"

namespace condolock::lock {
namespace {

engine::Call call_of(const scripts::Script& script, const Job& job, std::vector<std::string> args) {
  engine::Call call;
  call.script = &script;
  call.keys = job.keys();
  call.args = std::move(args);
  call.about = job.key;
  return call;
}

std::string rows(const Attempt& attempt) { return attempt.history_limit ? std::to_string(*attempt.history_limit) : ""; }

// Adds four arguments for each condition, and two keys if it names another job.
void add_conditions(engine::Call& call, const Job& job, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    const EncodedCondition encoded = encode(condition);
    std::string position = "0";
    if (!encoded.key.empty()) {
      position = std::to_string(call.keys.size() + 1);
      const auto keys = job.keys_of_other(encoded.key);
      call.keys.insert(call.keys.end(), keys.begin(), keys.end());
    }
    call.args.insert(call.args.end(), {encoded.name, position, std::to_string(encoded.number), encoded.word});
  }
}

engine::Call decide(const Attempt& attempt, const std::vector<Condition>& conditions, const AcquireOptions& options,
                    bool dry) {
  const auto flag = [](bool set) { return set ? "1" : ""; };
  engine::Call call =
      call_of(scripts::acquire, attempt.job,
              {attempt.job.key, attempt.token, std::to_string(attempt.lease.count()), attempt.who, rows(attempt),
               std::to_string(attempt.slots), flag(dry), flag(options.forced), flag(options.counted),
               options.patience > Millis(0) ? std::to_string(options.patience.count()) : "",
               attempt.needs.starts ? std::to_string(*attempt.needs.starts) : "",
               attempt.forget_after ? std::to_string(attempt.forget_after->count()) : ""});
  add_conditions(call, attempt.job, conditions);
  return call;
}

// Without replicas on the server, a failover forgets what `call` wrote. Only an answer that begins with one of `after`
// counts.
void await_replicas(engine::Call& call, const Attempt& attempt, std::vector<std::string_view> after) {
  if (attempt.replicas > 0) call.replicas = engine::Replicas{attempt.replicas, std::move(after), attempt.job.replicated()};
}

engine::Call paused(const Job& job, std::optional<Millis> length, const std::string& why, bool all) {
  return call_of(scripts::pause, job,
                 {job.key, length ? std::to_string(length->count()) : "", why, this_operator(), all ? "1" : ""});
}

Held read_holder(ReplyReader& reader) {
  Held held;
  held.who = reader.text();
  held.since = reader.age("holder's age");
  held.left = reader.length("time that the lease has left");
  held.live = reader.number("number of holders", range::positive);
  held.slots = reader.number("number of slots", range::positive);
  return held;
}

Paused read_pause(ReplyReader& reader) {
  Paused paused;
  paused.left = reader.optional_length("time that the pause has left");
  paused.why = reader.text();
  paused.by = reader.text();
  paused.since = reader.optional_age("time since the pause began");
  return paused;
}

Verdict read_verdict(ReplyReader& reader) {
  Verdict verdict;
  verdict.why = reader.text();
  verdict.since = reader.optional_age("age");
  verdict.due = reader.optional_length("time until the condition holds");
  return verdict;
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::success:
      return "success";
    case Outcome::failed:
      return "failed";
    case Outcome::timeout:
      return "timeout";
    case Outcome::lost:
      return "lost";
  }
  return "";
}

engine::Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions, const AcquireOptions& options) {
  engine::Call call = decide(attempt, conditions, options, false);
  await_replicas(call, attempt, {"granted"});
  return call;
}

engine::Answered<Decision> decode_decision(const engine::Reply& reply, std::size_t conditions) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  std::optional<Decision> decision;
  if (reader.code() == "granted") {
    Grant grant;
    grant.fence = reader.number("fence", range::positive);
    grant.start = reader.number("start", range::positive);
    grant.last_success = reader.optional_number("start of the last success", range::not_negative);
    decision = grant;
  } else if (reader.code() == "held") {
    decision = read_holder(reader);
  } else if (reader.code() == "paused") {
    Paused paused = read_pause(reader);
    paused.all = !reader.text().empty();
    decision = std::move(paused);
  } else if (reader.code() == "skipped") {
    Skipped skipped;
    const Range positions{1, static_cast<std::int64_t>(conditions)};
    skipped.position = static_cast<std::size_t>(reader.number("condition", positions) - 1);
    skipped.verdict = read_verdict(reader);
    skipped.who = reader.text();
    decision = skipped;
  }
  if (!decision || !reader.is_whole()) return reader.unexpected();
  return *std::move(decision);
}

engine::Call check_call(const Job& job, const std::vector<Condition>& conditions, std::int64_t slots, bool forced) {
  Attempt nobody;
  nobody.job = job;
  nobody.slots = slots;
  return decide(nobody, conditions, {.forced = forced}, true);
}

engine::Answered<Verdicts> decode_verdicts(const engine::Reply& reply, std::size_t conditions) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  if (reader.code() != "verdicts") return reader.unexpected();
  Verdicts verdicts;
  const Verdict holder = read_verdict(reader);  // same layout as a verdict: who, held for, left
  const std::int64_t live = reader.number("number of holders", range::not_negative);
  const std::int64_t slots = reader.number("number of slots", range::positive);
  if (holder.since && holder.due) verdicts.holder = Held{holder.why, *holder.since, *holder.due, live, slots};
  const bool paused = !reader.text().empty();
  Paused pause = read_pause(reader);
  pause.all = !reader.text().empty();
  if (paused) verdicts.pause = std::move(pause);
  verdicts.ahead = reader.optional_length("time that the clock went back");
  for (std::size_t i = 0; i < conditions; ++i) verdicts.conditions.push_back(read_verdict(reader));
  if (!reader.is_whole()) return reader.unexpected();
  return verdicts;
}

engine::Call renew_call(const Attempt& attempt, const Grant& grant) {
  engine::Call call =
      call_of(scripts::renew, attempt.job,
              {attempt.job.key, attempt.token, std::to_string(grant.fence), std::to_string(grant.start),
               std::to_string(attempt.lease.count()), attempt.who, rows(attempt), std::to_string(attempt.slots)});
  await_replicas(call, attempt, {"renewed", "reasserted"});
  return call;
}

engine::Answered<Renewal> decode_renewal(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  std::optional<Renewal> renewal;
  if (reader.code() == "renewed") {
    renewal = Renewal::renewed;
  } else if (reader.code() == "reasserted") {
    renewal = Renewal::reasserted;
  } else if (reader.code() == "revoked") {
    renewal = Renewal::revoked;
    reader.text();
  } else if (reader.code() == "lost") {
    renewal = Renewal::lost;
    reader.number("fence", range::not_negative);
  } else if (reader.code() == "finished") {
    renewal = Renewal::lost;
    reader.text();
  }
  if (!renewal || !reader.is_whole()) return reader.unexpected();
  return *renewal;
}

std::string revoked_by(const engine::Reply& reply) {
  ReplyReader reader(reply);
  return reader.code() == "revoked" ? reader.text() : "";
}

engine::Call finish_call(const Attempt& attempt, const Grant& grant, Outcome outcome, int code, Millis age) {
  engine::Call call =
      call_of(scripts::finish, attempt.job,
              {attempt.job.key, attempt.token, std::to_string(grant.fence), std::to_string(grant.start),
               std::string(name_of(outcome)), std::to_string(code), attempt.who, rows(attempt),
               std::to_string(attempt.slots), attempt.needs.once, age.count() == 0 ? "" : std::to_string(age.count())});
  await_replicas(call, attempt, {"recorded"});
  return call;
}

engine::Answered<Recording> decode_recording(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  std::optional<Recording> recording;
  if (reader.code() == "recorded") {
    recording = Recording::recorded;
    reader.number("number of failures", range::not_negative);
  } else if (reader.code() == "superseded") {
    recording = Recording::superseded;
  }
  if (!recording || !reader.is_whole()) return reader.unexpected();
  return *recording;
}

std::optional<std::int64_t> failures_in_a_row(const engine::Reply& reply) {
  ReplyReader reader(reply);
  return reader.code() == "recorded" ? reader.optional_number("number of failures", range::not_negative) : std::nullopt;
}

engine::Call abandon_call(const Attempt& attempt) {
  engine::Call call = call_of(scripts::abandon, attempt.job, {attempt.token});
  call.as_source = true;
  return call;
}

engine::Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why) {
  return paused(job, length, why, false);
}

engine::Call pause_all_call(const std::string& ns, std::optional<Millis> length, const std::string& why) {
  return paused({ns, ""}, length, why, true);
}

engine::Call resume_call(const Job& job) { return call_of(scripts::resume, job, {""}); }

engine::Call resume_all_call(const std::string& ns) { return call_of(scripts::resume, {ns, ""}, {"1"}); }

engine::Answered<bool> decode_pause(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  const bool known = reader.code() == "paused" && !reader.text().empty();
  if (!reader.is_whole()) return reader.unexpected();
  if (reader.code() == "paused") return known;
  if (reader.code() == "resumed") return true;
  if (reader.code() == "nothing") return false;
  return reader.unexpected();
}

engine::Call unlock_call(const Job& job, bool at_once) {
  return call_of(scripts::unlock, job, {job.key, at_once ? "1" : "", "", this_operator()});
}

engine::Answered<std::optional<Held>> decode_unlock(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  if (reader.code() == "nothing" && reader.is_whole()) return std::optional<Held>();
  Held held;
  held.live = reader.number("number of holders", range::positive);
  held.who = reader.text();
  held.since = reader.age("holder's age");
  held.left = reader.length("time that the lease has left");
  if ((reader.code() != "revoked" && reader.code() != "removed") || !reader.is_whole()) return reader.unexpected();
  return std::optional(held);
}

engine::Call reset_call(const Job& job) { return call_of(scripts::reset, job, {job.key, ""}); }

engine::Call prune_call(const Job& job, Millis unused_for) {
  return call_of(scripts::reset, job, {job.key, std::to_string(unused_for.count())});
}

engine::Answered<std::variant<bool, Held>> decode_reset(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  std::variant<bool, Held> what = reader.code() == "reset";
  if (reader.code() == "held") {
    Held held;
    held.who = reader.text();
    held.since = reader.age("holder's age");
    held.left = reader.length("time that the lease has left");
    held.live = reader.number("number of holders", range::positive);
    what = held;
  } else if (reader.code() != "reset" && reader.code() != "nothing" && reader.code() != "used") {
    return reader.unexpected();
  }
  if (!reader.is_whole()) return reader.unexpected();
  return what;
}

engine::Call touch_call(const Attempt& attempt, Outcome outcome, int code) {
  return call_of(
      scripts::touch, attempt.job,
      {attempt.job.key, attempt.token, std::string(name_of(outcome)), std::to_string(code), attempt.who, rows(attempt)});
}

}  // namespace condolock::lock
