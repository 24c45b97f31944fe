#include "engine/ask.hpp"

#include <poll.h>

#include <algorithm>

namespace condolock::engine {
namespace {

Reply ask_once(Engine& engine, const Call& call) {
  engine.start(call, BootClock::now());
  short revents = 0;
  for (;;) {
    const Instant now = BootClock::now();
    if (auto reply = engine.advance(revents, now)) return *std::move(reply);
    const Interest interest = engine.interest();
    pollfd wanted{interest.fd, interest.events, 0};
    const auto left = std::max(interest.wake.value_or(call.deadline) - now, BootClock::duration::zero());
    const timespec timeout{.tv_sec = left / std::chrono::seconds(1), .tv_nsec = (left % std::chrono::seconds(1)).count()};
    revents = ppoll(&wanted, 1, &timeout, nullptr) > 0 ? wanted.revents : short{0};
  }
}

}  // namespace

bool worth_repeating(Fault fault) { return fault == Fault::unreachable || fault == Fault::not_primary; }

Reply ask(Engine& engine, Call call, Millis patience) {
  call.deadline = BootClock::now() + patience;
  Reply reply = ask_once(engine, call);
  if (reply.answer || reply.answer.error().voided || !worth_repeating(reply.answer.error().fault)) return reply;
  call.deadline = BootClock::now() + patience;
  return ask_once(engine, call);
}

std::optional<Failure> not_from_primary(const Reply& reply) {
  if (!reply.answer || reply.from_primary == true) return std::nullopt;
  if (reply.from_primary == false) {
    return Failure{Fault::not_primary, false, false, "a replica answered, and its data may be old: name the primary"};
  }
  return Failure{Fault::denied, false, false,
                 "this user may not call ROLE, which tells the primary from a replica (ACL: +role)"};
}

}  // namespace condolock::engine
