// Damaged records: no script fails on one. Each script either works on the record, or refuses it and leaves it unchanged. An
// input has one Redis command on each line, without the namespace: "HSET job:K fence 5". A # stands for the time of the
// engine.
#include "lock/record.hpp"

#include <algorithm>

#include "fuzz.hpp"
#include "memory_job.hpp"
#include "printed.hpp"

using namespace condolock;

namespace {

const lock::Job job{"ns", "K"};
const lock::Grant grant{17, fuzz::memory_now - 1000, {}};
const std::vector<lock::Condition> conditions{lock::MinTime{Millis(300'000), From::start},
                                              lock::AccessedPrior{"L", Millis(300'000)},
                                              lock::After{"L"},
                                              lock::NotRunning{"L"},
                                              lock::RetryAfter{Millis(1000)},
                                              lock::MaxFailures{3},
                                              lock::MaxRuns{2, Millis(60'000)},
                                              lock::Once{"id"}};

void stuff(fuzz::MemoryJob& memory, std::string line) {
  std::vector<std::string> words{fuzz::take_word(line), "{ns}:" + fuzz::take_word(line)};
  if (words[0] == "HSET" || words[0] == "ZADD") words.push_back(fuzz::take_word(line));
  if (words.back() == "#") words.back() = std::to_string(fuzz::memory_now);
  for (std::size_t at = 0; (at = line.find('#', at)) != std::string::npos;) {
    line.replace(at, 1, std::to_string(fuzz::memory_now));
  }
  words.push_back(line);
  if (words[0] == "HSET" || words[0] == "ZADD" || words[0] == "LPUSH" || words[0] == "PEXPIRE") memory.command(words);
}

class Trial {
 public:
  explicit Trial(fuzz::MemoryJob& memory)
      : memory_(memory), before_(memory.stored()), before_waking_(memory.stored(WakeUps::left_out)) {}

  // Makes one call on the damaged store. A refusal must leave it unchanged.
  engine::Reply ask(const engine::Call& call) {
    memory_.restore();
    engine::Reply reply = memory_.ask(call);
    const std::string& code = reply.answer->front();
    if (code == "malformed" || code == "newer") {
      fuzz::must(memory_.stored(WakeUps::left_out) == before_waking_,
                 "the script " + std::string(call.script->name) + " changes a record that it refuses");
    }
    return reply;
  }
  void check_unchanged() { fuzz::must(memory_.stored() == before_, "a script that only reads writes"); }

 private:
  using WakeUps = fuzz::MemoryJob::WakeUps;

  fuzz::MemoryJob& memory_;
  std::string before_;
  std::string before_waking_;
};

template <class T>
void must_be_known(const engine::Answered<T>& answer) {
  if (answer) return;
  fuzz::must(answer.error().fault == engine::Fault::malformed, "a script gives a reply that is not known");
  fuzz::check_printed(answer.error());
}

void check_readers(Trial& trial) {
  const auto records = lock::decode_records(trial.ask(lock::records_call("ns", {"K", "L"})), 2);
  trial.check_unchanged();
  fuzz::must(records.has_value(), "the records cannot be read");
  for (const auto& record : *records) fuzz::check_printed(record);
  const auto history = lock::decode_history(trial.ask(lock::history_call(job, 20)), job);
  trial.check_unchanged();
  must_be_known(history);
  if (history) fuzz::check_printed(*history);
  must_be_known(lock::decode_names(trial.ask(lock::names_call("ns"))));
  trial.check_unchanged();
  const engine::Reply reply = trial.ask(lock::check_call(job, conditions));
  if (reply.answer->front() != "retired") must_be_known(lock::decode_verdicts(reply, conditions.size()));
  trial.check_unchanged();
}

void check_writers(Trial& trial) {
  const lock::Attempt mine = fuzz::attempt("mine");
  must_be_known(lock::decode_renewal(trial.ask(lock::renew_call(mine, grant))));
  must_be_known(lock::decode_recording(trial.ask(lock::touch_call(mine, lock::Outcome::failed, 3))));
  must_be_known(lock::decode_pause(trial.ask(lock::pause_call(job, Millis(1000), "why"))));
  must_be_known(lock::decode_pause(trial.ask(lock::resume_call(job))));
  must_be_known(lock::decode_unlock(trial.ask(lock::unlock_call(job, false))));
  must_be_known(lock::decode_unlock(trial.ask(lock::unlock_call(job, true))));
  must_be_known(lock::decode_reset(trial.ask(lock::reset_call(job))));
  trial.ask(lock::abandon_call(mine));
  for (const auto outcome : {lock::Outcome::success, lock::Outcome::timeout}) {
    lock::Attempt attempt = mine;
    attempt.needs.once = "id";
    const auto recording = lock::decode_recording(trial.ask(lock::finish_call(attempt, grant, outcome, 0)));
    fuzz::must(recording || recording.error().fault == engine::Fault::malformed || outcome != lock::Outcome::success,
               "finish gives a reply that is not known");
  }
}

// A grant must be recorded, and block every other run.
void check_grant(fuzz::MemoryJob& memory, const lock::Grant& granted) {
  const auto records = lock::decode_records(memory.ask(lock::records_call("ns", {"K"})), 1);
  fuzz::must(records && records->front(), "the record cannot be read after a grant");
  const auto& holders = (*records)[0]->holders;
  fuzz::must(std::any_of(holders.begin(), holders.end(),
                         [&](const lock::Holder& holder) {
                           return holder.fence == granted.fence && holder.until >= fuzz::memory_now + 60'000;
                         }),
             "a grant is not on record");
  fuzz::check_printed((*records)[0]);
  const engine::Reply reply = memory.ask(lock::acquire_call(fuzz::attempt("other"), {}));
  if (reply.answer->front() == "retired") return;
  const auto other = lock::decode_decision(reply, 0);
  must_be_known(other);
  fuzz::must(!other || std::holds_alternative<lock::Held>(*other), "there are two holders");
  const auto recorded =
      lock::decode_recording(memory.ask(lock::finish_call(fuzz::attempt("mine"), granted, lock::Outcome::success, 0)));
  must_be_known(recorded);
  fuzz::must(!recorded || *recorded == lock::Recording::recorded, "a holder's success is not recorded");
}

void check_acquire(fuzz::MemoryJob& memory, Trial& trial, const std::vector<lock::Condition>& some, std::int64_t slots) {
  lock::Attempt attempt = fuzz::attempt("mine", slots);
  attempt.needs = lock::needs_of(some);
  const engine::Reply reply = trial.ask(lock::acquire_call(attempt, some, {false, true, Millis(1000)}));
  if (reply.answer->front() == "retired") return;
  const auto decision = lock::decode_decision(reply, some.size());
  must_be_known(decision);
  if (!decision) return;
  fuzz::check_printed(*decision, some);
  if (const auto* granted = std::get_if<lock::Grant>(&*decision); granted != nullptr && slots == 1) {
    check_grant(memory, *granted);
  }
}

}  // namespace

void fuzz::check(std::string_view input) {
  static MemoryJob memory;
  memory.clear();
  for (const std::string& line : lines_of(input)) stuff(memory, line);
  memory.save();
  Trial trial(memory);
  check_readers(trial);
  check_writers(trial);
  check_acquire(memory, trial, {}, 1);
  check_acquire(memory, trial, {}, 3);
  check_acquire(memory, trial, conditions, 1);
}
