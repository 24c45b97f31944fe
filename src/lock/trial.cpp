#include "lock/trial.hpp"

#include "lock/record.hpp"
#include "lock/reply_reader.hpp"
#include "lock/verbs.hpp"
#include "util/random.hpp"

namespace condolock::lock {
namespace {

using engine::Failure;

class TrialRun {
 public:
  TrialRun(const std::string& ns, const engine::Ask& ask) : ask_(ask) {
    first_.job = Job{ns, "doctor:" + util::random_token()};
    first_.token = util::random_token();
    first_.who = this_holder();
    first_.lease = Millis(60'000);
    first_.needs = {1, "doctor"};
    second_ = first_;
    second_.token = util::random_token();
    several_ = second_;
    several_.slots = 2;
  }

  std::optional<engine::TrialFailure> run() {
    if (const auto why = read()) return engine::TrialFailure{"reading", *why};
    // Before any write, so that a user who may not delete leaves nothing behind.
    if (const auto why = remove()) return engine::TrialFailure{"DEL", *why};
    auto failed = go_through();
    if (wrote_) static_cast<void>(remove());
    return failed;
  }

 private:
  std::optional<engine::TrialFailure> go_through() {
    if (auto why = acquire(first_)) return engine::TrialFailure{"acquire", *why};
    if (auto why = wait(second_)) return engine::TrialFailure{"wait", *why};
    if (auto why = renew(first_)) return engine::TrialFailure{"renew", *why};
    if (auto why = finish(first_)) return engine::TrialFailure{"finish", *why};
    if (auto why = acquire(several_)) return engine::TrialFailure{"acquire", *why};
    if (auto why = abandon(several_)) return engine::TrialFailure{"abandon", *why};
    return std::nullopt;
  }

  // Uses the namespace's own index, which every run writes to.
  std::optional<Failure> read() {
    const auto names = decode_names(ask_(names_call(first_.job.ns, {}, 1)));
    if (!names) return names.error();
    return std::nullopt;
  }

  // All keys are this trial's own, the index too.
  std::vector<std::string> renamed(std::vector<std::string> keys) const {
    for (std::string& key : keys) {
      if (key == "{" + first_.job.ns + "}:index") key += ":" + first_.job.key;
    }
    return keys;
  }

  engine::Reply ask(engine::Call call) {
    call.keys = renamed(call.keys);
    engine::Reply reply = ask_(std::move(call));
    wrote_ = wrote_ || reply.answer || reply.answer.error().may_have_run;
    return reply;
  }

  static Failure wrong_answer(const std::string& what) {
    return {engine::Fault::unexpected, true, false, "the server answered that the lease is " + what};
  }

  engine::Answered<Decision> decide(const Attempt& attempt, Millis patience) {
    AcquireOptions options;
    options.forced = true;  // a pause is no fault of the server
    options.patience = patience;
    return decode_decision(ask(acquire_call(attempt, {}, options)), 0);
  }

  std::optional<Failure> acquire(const Attempt& attempt) {
    const auto decision = decide(attempt, Millis(0));
    if (!decision) return decision.error();
    const auto* grant = std::get_if<Grant>(&*decision);
    if (grant == nullptr) return wrong_answer("held by another");
    grant_ = *grant;
    return std::nullopt;
  }

  // This attempt is refused and waits: finish then has to wake it.
  std::optional<Failure> wait(const Attempt& attempt) {
    const auto decision = decide(attempt, Millis(1000));
    if (!decision) return decision.error();
    if (!std::holds_alternative<Held>(*decision)) return wrong_answer("free while another holds it");
    return std::nullopt;
  }

  std::optional<Failure> renew(const Attempt& attempt) {
    const auto renewal = decode_renewal(ask(renew_call(attempt, grant_)));
    if (!renewal) return renewal.error();
    if (*renewal != Renewal::renewed) return wrong_answer("lost");
    return std::nullopt;
  }

  std::optional<Failure> finish(const Attempt& attempt) {
    const auto recording = decode_recording(ask(finish_call(attempt, grant_, Outcome::success, 0)));
    if (!recording) return recording.error();
    if (*recording != Recording::recorded) return wrong_answer("taken by a later run");
    return std::nullopt;
  }

  std::optional<Failure> abandon(const Attempt& attempt) {
    const ReplyReader reader(ask(abandon_call(attempt)));
    if (reader.failure()) return *reader.failure();
    if (reader.code() != "abandoned") return reader.unexpected();
    return std::nullopt;
  }

  // Deletes only keys that have this trial's random name: a script may also get keys of the whole namespace.
  std::optional<Failure> remove() {
    engine::Call call;
    call.args = {"DEL"};
    for (const std::string& key : renamed(first_.job.keys())) {
      if (key.ends_with(first_.job.key)) call.args.push_back(key);
    }
    const auto answer = ask_(std::move(call)).answer;
    if (!answer) return answer.error();
    return std::nullopt;
  }

  const engine::Ask& ask_;
  Attempt first_;
  Attempt second_;
  Attempt several_;
  Grant grant_;
  bool wrote_ = false;
};

}  // namespace

std::optional<engine::TrialFailure> try_run(const std::string& ns, const engine::Ask& ask) {
  return TrialRun(ns, ask).run();
}

}  // namespace condolock::lock
