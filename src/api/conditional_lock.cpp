#include <algorithm>

#include "api/lock_impl.hpp"
#include "engine/ask.hpp"
#include "lock/words.hpp"

namespace condolock {
namespace {

// Each public condition is the base of the one that the protocol knows; both variants have the same order.
template <std::size_t I = 0>
lock::Condition protocol_condition(Condition& condition) {
  using Kind = std::variant_alternative_t<I, lock::CommandLineCondition>;
  static_assert(std::is_base_of_v<std::variant_alternative_t<I, Condition>, Kind>);
  if constexpr (I + 1 < std::variant_size_v<Condition>) {
    if (condition.index() != I) return protocol_condition<I + 1>(condition);
  }
  return Kind{std::get<I>(std::move(condition))};
}
static_assert(std::variant_size_v<Condition> == std::variant_size_v<lock::CommandLineCondition>);

bool is_repeatable(const lock::Condition& condition) {
  return std::visit(
      []<class Kind>(const Kind& /*kind*/) {
        if constexpr (requires { Kind::repeatable; }) return Kind::repeatable;
        return true;
      },
      condition);
}

std::string why_not(const lock::Verdicts& verdicts, const std::vector<lock::Condition>& conditions, std::int64_t slots) {
  if (verdicts.holder) return lock::held_by(*verdicts.holder, slots);
  if (verdicts.pause) return lock::shown(*verdicts.pause);
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    if (!verdicts.conditions[i].holds()) return lock::explain(conditions[i], verdicts.conditions[i]);
  }
  return "";
}

}  // namespace

std::vector<lock::Condition> ConditionalLock::Impl::checked(std::int64_t slots, Millis forget_after) const {
  if (slots < 1 || slots > 1000) {
    api::fail(Errc::invalid, "slots: invalid number '" + std::to_string(slots) + "': use 1 to 1000");
  }
  for (const std::function<bool()>& predicate : predicates) {
    if (!predicate) api::fail(Errc::invalid, "a predicate must not be an empty function");
  }
  for (const lock::Condition& condition : all) {
    if (const auto problem = lock::problem_of(condition)) api::fail(Errc::invalid, problem->text);
  }
  if (const auto problem = lock::conflict(all, slots, forget_after)) api::fail(Errc::invalid, problem->text);
  return all;
}

std::vector<bool> ConditionalLock::Impl::judge() const {
  std::vector<bool> answers;
  for (const std::function<bool()>& predicate : predicates) answers.push_back(predicate());
  return answers;
}

ConditionalLock::ConditionalLock(const Engine& engine) : impl_(std::make_unique<Impl>()) { impl_->engine = engine.impl(); }
ConditionalLock::ConditionalLock(const ConditionalLock& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
ConditionalLock::ConditionalLock(ConditionalLock&& other) noexcept = default;
ConditionalLock& ConditionalLock::operator=(const ConditionalLock& other) {
  if (this != &other) impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
ConditionalLock& ConditionalLock::operator=(ConditionalLock&& other) noexcept = default;
ConditionalLock::~ConditionalLock() = default;

ConditionalLock& ConditionalLock::add(Condition condition) {
  lock::Condition added = protocol_condition(condition);
  const auto same = std::find_if(impl_->all.begin(), impl_->all.end(),
                                 [&](const lock::Condition& each) { return each.index() == added.index(); });
  if (same != impl_->all.end() && !is_repeatable(added)) {
    *same = std::move(added);
    return *this;
  }
  impl_->all.push_back(std::move(added));
  return *this;
}

ConditionalLock& ConditionalLock::add(std::function<bool()> holds, std::string name) {
  impl_->all.emplace_back(lock::Predicate{std::move(name), true});
  impl_->predicates.push_back(std::move(holds));
  return *this;
}

namespace {

Check checked_by(Engine::Impl& engine, std::string_view key, std::int64_t slots,
                 const std::vector<lock::Condition>& conditions) {
  engine::Call call = lock::check_call(engine.job(key), conditions, slots);
  call.ask_role = true;
  const engine::Reply reply = engine.ask(std::move(call));
  if (const auto failure = engine::not_from_primary(reply)) api::fail(*failure);
  const auto verdicts = api::value_of(lock::decode_verdicts(reply, conditions.size()));
  Check check;
  check.text = why_not(verdicts, conditions, slots);
  check.would_run = check.text.empty();
  check.busy = verdicts.holder.has_value();
  if (verdicts.pause) check.pause = api::public_pause(*verdicts.pause);
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const lock::Verdict& verdict = verdicts.conditions[i];
    check.verdicts.push_back(
        {lock::shown(conditions[i]), verdict.holds(), lock::explain(conditions[i], verdict), verdict.since, verdict.due});
  }
  return check;
}

}  // namespace

Check ConditionalLock::check(std::string_view key, std::int64_t slots) const {
  std::vector<lock::Condition> conditions = impl_->checked(slots, Millis(0));
  lock::answer(conditions, impl_->judge());
  return checked_by(*impl_->engine, key, slots, conditions);
}

// What a predicate throws is the caller's.
Check ConditionalLock::check(std::string_view key, std::int64_t slots, Error& error) const {
  auto conditions = api::caught<std::vector<lock::Condition>>(error, [&] { return impl_->checked(slots, Millis(0)); });
  if (error) return {};
  lock::answer(conditions, impl_->judge());
  return api::caught<Check>(error, [&] { return checked_by(*impl_->engine, key, slots, conditions); });
}

}  // namespace condolock
