// A script's reply: each decoder either accepts it, with numbers in range, or says what is wrong. An input has one value of
// the reply on each line.
#include "fuzz.hpp"
#include "lock/verbs.hpp"
#include "printed.hpp"

using namespace condolock;

namespace {

constexpr std::int64_t end = std::int64_t{1} << 53;  // first number that Lua does not count exactly

const std::vector<lock::Condition> conditions{lock::MinTime{Millis(300'000), From::end}, lock::After{"other"}};

void must_be_in_range(std::int64_t number) { fuzz::must(number > -end && number < end, "a number is out of range"); }
void must_be_in_range(std::optional<Millis> length) { must_be_in_range(length.value_or(Millis(0)).count()); }

void check_value(const lock::Held& held) {
  must_be_in_range(held.since);
  must_be_in_range(held.left);
  fuzz::must(held.live >= 0 && held.slots >= 0 && held.live < end && held.slots < end,
             "a number of holders is out of range");
}
void check_value(const lock::Grant& grant) {
  fuzz::must(grant.fence > 0 && grant.fence < end, "a fence is out of range");
  fuzz::must(grant.start > 0 && grant.start < end, "a start is out of range");
  must_be_in_range(grant.last_success.value_or(0));
}
void check_value(const lock::Paused& paused) { must_be_in_range(paused.left); }
void check_value(const lock::Skipped& skipped) {
  must_be_in_range(skipped.verdict.since);
  must_be_in_range(skipped.verdict.due);
}
void check_value(const lock::Decision& decision) {
  std::visit([](const auto& what) { check_value(what); }, decision);
  fuzz::check_printed(decision, conditions);
}
void check_value(const lock::Verdicts& verdicts) {
  if (verdicts.holder) check_value(lock::Decision(*verdicts.holder));
  if (verdicts.pause) check_value(lock::Decision(*verdicts.pause));
  fuzz::must(verdicts.conditions.size() == conditions.size(), "a verdict is missing");
  for (std::size_t i = 0; i < conditions.size(); ++i) check_value(lock::Decision(lock::Skipped{i, verdicts.conditions[i]}));
}
void check_value(const std::optional<lock::Held>& held) {
  if (held) check_value(lock::Decision(*held));
}
void check_value(const std::variant<bool, lock::Held>& reset) {
  if (const auto* held = std::get_if<lock::Held>(&reset)) check_value(lock::Decision(*held));
}
void check_value(const std::vector<engine::Answered<lock::Record>>& records) {
  fuzz::must(!records.empty() && records.size() <= 3, "another number of records");
  for (const auto& record : records) fuzz::check_printed(record);
}
void check_value(const lock::History& history) { fuzz::check_printed(history); }
void check_value(const lock::Names& names) {
  fuzz::must(names.too_long >= 0 && names.too_long < end, "a number of names is out of range");
}
template <class T>
requires std::is_scalar_v<T>
void check_value(T /*any*/) {}

template <class T>
void check_answer(const engine::Answered<T>& answer) {
  if (!answer) return fuzz::check_printed(answer.error());
  check_value(*answer);
}

}  // namespace

void fuzz::check(std::string_view input) {
  engine::Reply reply;
  reply.answer = lines_of(input);
  check_answer(lock::decode_decision(reply, conditions.size()));
  check_answer(lock::decode_verdicts(reply, conditions.size()));
  check_answer(lock::decode_renewal(reply));
  check_answer(lock::decode_recording(reply));
  check_answer(lock::decode_pause(reply));
  check_answer(lock::decode_unlock(reply));
  check_answer(lock::decode_reset(reply));
  check_answer(lock::decode_records(reply, 3));
  check_answer(lock::decode_names(reply));
  check_answer(lock::decode_history(reply, {"ns", "K"}));
}
