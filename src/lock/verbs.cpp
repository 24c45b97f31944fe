#include "lock/verbs.hpp"

#include "lock/answer.hpp"

namespace condolock {
namespace {

Call call_of(const Script& script, const Job& job, std::vector<std::string> args) {
  Call call;
  call.script = &script;
  call.keys = job.keys();
  call.args = std::move(args);
  return call;
}

std::string rows(const Attempt& attempt) { return attempt.keep ? std::to_string(*attempt.keep) : ""; }

// Every condition becomes four arguments, and the job it looks at two keys.
void add_conditions(Call& call, const Job& job, const std::vector<Condition>& conditions) {
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

Call decide(const Attempt& attempt, const std::vector<Condition>& conditions, const Asking& asking, bool dry) {
  const auto flag = [](bool set) { return set ? "1" : ""; };
  Call call = call_of(scripts::acquire, attempt.job,
                      {attempt.job.key, attempt.token, std::to_string(attempt.lease.count()), attempt.who, rows(attempt),
                       std::to_string(attempt.slots), flag(dry), flag(asking.forced), flag(asking.counted),
                       asking.patience > Millis(0) ? std::to_string(asking.patience.count()) : "",
                       attempt.starts ? std::to_string(*attempt.starts) : ""});
  add_conditions(call, attempt.job, conditions);
  return call;
}

Held read_holder(Answer& answer) {
  Held held;
  held.who = answer.text();
  held.since = answer.millis();
  held.left = answer.millis();
  held.live = answer.number();
  held.slots = answer.number();
  return held;
}

Paused read_pause(Answer& answer) {
  Paused paused;
  paused.left = answer.optional_millis();
  paused.why = answer.text();
  return paused;
}

Verdict read_verdict(Answer& answer) {
  Verdict verdict;
  verdict.why = answer.text();
  verdict.since = answer.optional_millis();
  verdict.due = answer.optional_millis();
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

Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions, const Asking& asking) {
  return decide(attempt, conditions, asking, false);
}

Decision decode_decision(const Reply& reply, std::size_t conditions) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  Decision decision = answer.unexpected();
  if (answer.code() == "granted") {
    Grant grant;
    grant.fence = answer.number();
    grant.start = answer.number();
    grant.last_success = answer.optional_number();
    decision = grant;
  } else if (answer.code() == "held") {
    decision = read_holder(answer);
  } else if (answer.code() == "paused") {
    decision = read_pause(answer);
  } else if (answer.code() == "skipped") {
    Skipped skipped;
    skipped.position = static_cast<std::size_t>(answer.number() - 1);
    skipped.verdict = read_verdict(answer);
    if (skipped.position >= conditions) return answer.unexpected();
    decision = skipped;
  }
  if (!answer.is_whole()) return answer.unexpected();
  return decision;
}

Call check_call(const Job& job, const std::vector<Condition>& conditions) {
  Attempt nobody;
  nobody.job = job;
  return decide(nobody, conditions, {}, true);
}

Answered<Verdicts> decode_verdicts(const Reply& reply, std::size_t conditions) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() != "verdicts") return answer.unexpected();
  Verdicts verdicts;
  const Verdict holder = read_verdict(answer);  // the same shape: who, for how long, what is left
  const std::int64_t live = answer.number();
  const std::int64_t slots = answer.number();
  if (holder.since && holder.due) verdicts.holder = Held{holder.why, *holder.since, *holder.due, live, slots};
  const bool paused = !answer.text().empty();
  const Paused pause = read_pause(answer);
  if (paused) verdicts.pause = pause;
  for (std::size_t i = 0; i < conditions; ++i) verdicts.conditions.push_back(read_verdict(answer));
  if (!answer.is_whole()) return answer.unexpected();
  return verdicts;
}

Call renew_call(const Attempt& attempt, const Grant& grant) {
  return call_of(scripts::renew, attempt.job,
                 {attempt.job.key, attempt.token, std::to_string(grant.fence), std::to_string(grant.start),
                  std::to_string(attempt.lease.count()), attempt.who, rows(attempt), std::to_string(attempt.slots)});
}

Answered<Renewal> decode_renewal(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "renewed") return Renewal::renewed;
  if (answer.code() == "reasserted") return Renewal::reasserted;
  if (answer.code() == "lost" || answer.code() == "finished") return Renewal::lost;
  return answer.unexpected();
}

Call finish_call(const Attempt& attempt, const Grant& grant, Outcome outcome, int code) {
  return call_of(scripts::finish, attempt.job,
                 {attempt.job.key, attempt.token, std::to_string(grant.fence), std::to_string(grant.start),
                  std::string(name_of(outcome)), std::to_string(code), attempt.who, rows(attempt),
                  std::to_string(attempt.slots), attempt.once});
}

Answered<Recording> decode_recording(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "recorded") return Recording::recorded;
  if (answer.code() == "superseded") return Recording::superseded;
  return answer.unexpected();
}

Call abandon_call(const Attempt& attempt) { return call_of(scripts::abandon, attempt.job, {attempt.token}); }

Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why) {
  return call_of(scripts::pause, job, {job.key, length ? std::to_string(length->count()) : "", why});
}

Call resume_call(const Job& job) { return call_of(scripts::resume, job, {}); }

Answered<bool> decode_pause(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "paused" || answer.code() == "resumed") return true;
  if (answer.code() == "nothing") return false;
  return answer.unexpected();
}

Call unlock_call(const Job& job, bool at_once) { return call_of(scripts::unlock, job, {job.key, at_once ? "1" : "", ""}); }

Answered<std::optional<Held>> decode_unlock(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "nothing") return std::optional<Held>();
  Held held;
  held.live = answer.number();
  held.who = answer.text();
  held.since = answer.millis();
  if (answer.code() == "revoked") held.left = answer.millis();
  if ((answer.code() != "revoked" && answer.code() != "removed") || !answer.is_whole()) return answer.unexpected();
  return std::optional(held);
}

Call reset_call(const Job& job) { return call_of(scripts::reset, job, {job.key}); }

Answered<std::variant<bool, Held>> decode_reset(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  std::variant<bool, Held> what = answer.code() == "reset";
  if (answer.code() == "held") {
    Held held;
    held.who = answer.text();
    held.since = answer.millis();
    held.left = answer.millis();
    held.live = answer.number();
    what = held;
  } else if (answer.code() != "reset" && answer.code() != "nothing") {
    return answer.unexpected();
  }
  if (!answer.is_whole()) return answer.unexpected();
  return what;
}

Call touch_call(const Attempt& attempt, Outcome outcome, int code) {
  return call_of(
      scripts::touch, attempt.job,
      {attempt.job.key, attempt.token, std::string(name_of(outcome)), std::to_string(code), attempt.who, rows(attempt)});
}

}  // namespace condolock
