#include "lock/verbs.hpp"

#include "lock/answer.hpp"

namespace condolock {
namespace {

// Every condition becomes four arguments, and the job it looks at a key.
void add_conditions(Call& call, const Job& job, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    const EncodedCondition encoded = encode(condition);
    std::string key_number = "0";
    if (!encoded.key.empty()) {
      call.keys.push_back(job.record_of(encoded.key));
      key_number = std::to_string(call.keys.size());
    }
    call.args.insert(call.args.end(), {encoded.name, key_number, std::to_string(encoded.number), encoded.word});
  }
}

Call decide(const Attempt& attempt, const std::vector<Condition>& conditions, bool dry, bool forced) {
  const Job& job = attempt.job;
  Call call;
  call.script = &scripts::acquire;
  call.keys = {job.record(), job.runs(), job.retired(), job.index()};
  const std::string lease = std::to_string(attempt.lease.count());
  call.args = {job.key, attempt.token, lease, attempt.who, std::to_string(attempt.keep), dry ? "1" : "", forced ? "1" : ""};
  add_conditions(call, job, conditions);
  return call;
}

Held read_holder(Answer& answer) {
  Held held;
  held.who = answer.text();
  held.since = answer.millis();
  held.left = answer.millis();
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

Call acquire_call(const Attempt& attempt, const std::vector<Condition>& conditions, bool forced) {
  return decide(attempt, conditions, false, forced);
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
  return decide({job, "", "", Millis(0), 0}, conditions, true, false);
}

Answered<Verdicts> decode_verdicts(const Reply& reply, std::size_t conditions) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() != "verdicts") return answer.unexpected();
  Verdicts verdicts;
  const Verdict holder = read_verdict(answer);  // the same shape: who, for how long, what is left
  if (holder.since && holder.due) verdicts.holder = Held{holder.why, *holder.since, *holder.due};
  const bool paused = !answer.text().empty();
  const Paused pause = read_pause(answer);
  if (paused) verdicts.pause = pause;
  for (std::size_t i = 0; i < conditions; ++i) verdicts.conditions.push_back(read_verdict(answer));
  if (!answer.is_whole()) return answer.unexpected();
  return verdicts;
}

Call renew_call(const Attempt& attempt, const Grant& grant) {
  const Job& job = attempt.job;
  Call call;
  call.script = &scripts::renew;
  call.keys = {job.record(), job.retired(), job.index()};
  call.args = {job.key,
               attempt.token,
               std::to_string(grant.fence),
               std::to_string(grant.start),
               std::to_string(attempt.lease.count()),
               attempt.who};
  return call;
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
  const Job& job = attempt.job;
  Call call;
  call.script = &scripts::finish;
  call.keys = {job.record(), job.runs(), job.retired(), job.index()};
  call.args = {job.key,
               attempt.token,
               std::to_string(grant.fence),
               std::to_string(grant.start),
               std::string(name_of(outcome)),
               std::to_string(code),
               attempt.who,
               std::to_string(attempt.keep)};
  return call;
}

Answered<Recording> decode_recording(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "recorded") return Recording::recorded;
  if (answer.code() == "superseded") return Recording::superseded;
  return answer.unexpected();
}

Call abandon_call(const Attempt& attempt) {
  Call call;
  call.script = &scripts::abandon;
  call.keys = {attempt.job.record(), attempt.job.retired()};
  call.args = {attempt.token};
  return call;
}

Call pause_call(const Job& job, std::optional<Millis> length, const std::string& why) {
  Call call;
  call.script = &scripts::pause;
  call.keys = {job.record(), job.index()};
  call.args = {job.key, length ? std::to_string(length->count()) : "", why};
  return call;
}

Call resume_call(const Job& job) {
  Call call;
  call.script = &scripts::resume;
  call.keys = {job.record()};
  return call;
}

Answered<bool> decode_pause(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "paused" || answer.code() == "resumed") return true;
  if (answer.code() == "nothing") return false;
  return answer.unexpected();
}

Call unlock_call(const Job& job, bool at_once, int keep) {
  Call call;
  call.script = &scripts::unlock;
  call.keys = {job.record(), job.runs(), job.index()};
  call.args = {job.key, at_once ? "1" : "", std::to_string(keep)};
  return call;
}

Answered<std::optional<Held>> decode_unlock(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() == "nothing") return std::optional<Held>();
  Held held;
  held.who = answer.text();
  held.since = answer.millis();
  if (answer.code() == "revoked") held.left = answer.millis();
  if ((answer.code() != "revoked" && answer.code() != "removed") || !answer.is_whole()) return answer.unexpected();
  return std::optional(held);
}

Call touch_call(const Attempt& attempt, Outcome outcome, int code) {
  const Job& job = attempt.job;
  Call call;
  call.script = &scripts::touch;
  call.keys = {job.record(), job.runs(), job.retired(), job.index()};
  call.args = {job.key,
               attempt.token,
               std::string(name_of(outcome)),
               std::to_string(code),
               attempt.who,
               std::to_string(attempt.keep)};
  return call;
}

}  // namespace condolock
