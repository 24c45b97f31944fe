#include "sim/client.hpp"

namespace condolock::sim {

void Client::start(engine::Call call, Instant now) {
  call_ = std::move(call);
  script_sent_ = false;
  sent_ = now;
  reply_.reset();
  // Anything that arrives while no request is outstanding ends the connection.
  if (connection_ && !arrived_.empty()) drop_connection();
  if (connection_) return exchange(call_.as_source, now);
  connect();
}

void Client::cancel() {
  if (phase_ != Phase::idle) drop_connection();
  reply_.reset();
  phase_ = Phase::idle;
}

engine::Interest Client::interest() const {
  if (phase_ == Phase::idle) return {};
  return {-1, 0, deadline()};
}

std::optional<engine::Reply> Client::advance(short revents, Instant now) {
  while (revents != 0 && phase_ != Phase::idle && !arrived_.empty()) {
    const Arrival arrival = std::move(arrived_.front());
    arrived_.pop_front();
    take(arrival, now);
  }
  if (phase_ != Phase::idle && now >= deadline()) {
    drop_connection();
    fail(engine::Fault::unreachable, "no answer in time");
  }
  return std::exchange(reply_, std::nullopt);
}

void Client::die(bool kernel_too) {
  if (connection_ && kernel_too) network_.go_silent(*connection_);
  if (connection_ && !kernel_too) network_.close(*connection_);
  connection_.reset();
}

void Client::connect() {
  phase_ = Phase::connecting;
  arrived_.clear();
  // Ignore what arrives from a connection that was given up.
  connection_ = network_.open(run_, [this, expected = ++opened_](Arrival arrival) {
    if (expected != opened_ || !connection_) return;
    arrived_.push_back(std::move(arrival));
    wake_();
  });
}

void Client::exchange(bool with_source, Instant now) {
  phase_ = Phase::exchanging;
  script_sent_ = true;
  sent_ = now;
  // The source is sent without the wait: the run has already slept.
  network_.send(*connection_, {call_.script, call_.keys, call_.args, with_source ? std::nullopt : call_.wait, with_source});
}

void Client::take(const Arrival& arrival, Instant now) {
  if (const auto* answer = std::get_if<Answer>(&arrival)) return on_answer(*answer, now);
  if (std::holds_alternative<arrival::Connected>(arrival)) return exchange(call_.as_source, now);
  const bool refused = std::holds_alternative<arrival::Refused>(arrival);
  drop_connection();
  fail(engine::Fault::unreachable, refused ? "refused" : "broke off");
}

void Client::on_answer(const Answer& answer, Instant now) {
  if (answer.kind == Answer::Kind::no_script) return exchange(true, now);
  phase_ = Phase::idle;
  reply_ = answer.kind == Answer::Kind::values
               ? engine::Reply{sent_, answer.values, {}}
               : engine::Reply{sent_, engine::Failure{engine::Fault::unexpected, true, false, answer.text}, {}};
}

Instant Client::deadline() const {
  return call_.wait && phase_ == Phase::connecting ? call_.deadline - call_.wait->at_most : call_.deadline;
}

void Client::fail(engine::Fault fault, const char* text) {
  phase_ = Phase::idle;
  reply_ = engine::Reply{sent_, engine::Failure{fault, script_sent_, false, text}, {}};
}

void Client::drop_connection() {
  if (connection_) network_.close(*connection_);
  connection_.reset();
  arrived_.clear();
}

}  // namespace condolock::sim
