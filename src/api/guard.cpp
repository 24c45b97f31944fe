#include "api/guard.hpp"

#include <csignal>
#include <deque>

#include "util/escape.hpp"

namespace condolock::api {
namespace {

std::string in_words(const run::report::Stopping& stopping) {
  using Why = run::report::Stopping::Why;
  switch (stopping.why) {
    case Why::lost:
      return "the lease went to another run or was removed by an operator";
    case Why::revoked:
      return (stopping.by.empty() ? "an operator" : util::escape(stopping.by)) + " revoked the lease";
    case Why::not_renewed:
    case Why::timeout:
      break;
  }
  return "the lease could not be renewed in time";
}

template <class T>
const T* as(const run::Report& report) {
  return std::get_if<T>(&report);
}

}  // namespace

Guard::Steps Guard::feed(const run::Event& event, Instant now) {
  Steps steps;
  std::deque<run::Event> events{event};
  while (!events.empty() && !over_) {
    const std::vector<run::Action> actions = run_.on(events.front(), now);
    events.pop_front();
    for (const run::Action& action : actions) {
      if (const auto* eval = std::get_if<run::action::Eval>(&action)) steps.emplace_back(*eval);
      if (std::holds_alternative<run::action::Cancel>(action)) steps.emplace_back(run::action::Cancel{});
      if (std::holds_alternative<run::action::Judge>(action)) steps.emplace_back(run::action::Judge{});
      if (const auto* notify = std::get_if<run::action::Notify>(&action)) note(notify->report);
      if (const auto* move = std::get_if<run::action::MoveDeadlines>(&action)) lost_at_ = move->deadlines.term_at;
      if (const auto* spawn = std::get_if<run::action::Spawn>(&action)) {
        if (run_.is_late(now)) {
          events.emplace_back(run::event::Late{});
          continue;
        }
        granted_ = true;
        grant_ = spawn->grant;
        lost_at_ = spawn->deadlines.term_at;
        events.emplace_back(run::event::Spawned{});
        events.emplace_back(run::event::Executed{});
      }
      if (const auto* done = std::get_if<run::action::Done>(&action)) {
        over_ = true;
        exit_code_ = done->exit_code;
      }
    }
  }
  return steps;
}

void Guard::note(const run::Report& report) {
  if (listener_) listener_(report);
  if (const auto* refused = as<run::report::Refused>(report)) refusal_ = refused->decision;
  if (const auto* no_grant = as<run::report::NoGrant>(report)) failure_ = no_grant->failure;
  if (const auto* not_recorded = as<run::report::NotRecorded>(report)) failure_ = not_recorded->failure;
  if (const auto* stopping = as<run::report::Stopping>(report)) lost_because_ = in_words(*stopping);
  if (as<run::report::CalledOff>(report) != nullptr) called_off_ = true;
  if (as<run::report::Recorded>(report) != nullptr) recorded_ = true;
  if (as<run::report::Superseded>(report) != nullptr) superseded_ = true;
}

Guard::Steps Guard::call_off(Instant now) {
  if (granted_) return feed(run::event::SpawnFailed{}, now);
  return feed(run::event::Signalled{SIGTERM, false}, now);
}

Guard::Steps Guard::lose(Instant now) { return feed(run::event::Expired{}, now); }

Guard::Steps Guard::finish(int code, Instant now) {
  Steps steps = feed(run::event::ChildExited{code}, now);
  if (over_) return steps;
  for (Step& step : feed(run::event::TreeEmpty{}, now)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace condolock::api
