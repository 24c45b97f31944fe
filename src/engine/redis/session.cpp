#include "engine/redis/session.hpp"

#include <array>

namespace condolock::engine::redis {
namespace {

// The reply to AUTH as it may be shown. Redis repeats the arguments of a command that it does not know, but only their
// beginning, so a part of the password may be in the text. A proxy may have errors of its own. A password of up to three
// bytes may be in any text by chance, and protects nothing.
std::string_view shown_reply(std::string_view error, const std::string& password) {
  error = error.substr(0, error.find(", with args beginning with"));
  const bool repeats = password.size() > 3 && error.find(password) != std::string_view::npos;
  return repeats && classify(error).fault == Fault::unexpected ? "an error that repeats the password" : error;
}

}  // namespace

Session::Session(std::unique_ptr<Transport> transport, const Target& target)
    : transport_(std::move(transport)), target_(target) {}

void Session::advance(short revents) {
  transport_->advance(revents);
  if (owed_ == 0) return;          // no reply is due; is_idle() notices other bytes
  std::array<char, 16384> buffer;  // NOLINT(*-init*): filled before it is read; zeroing costs as much as a call
  for (std::size_t left = limits::max_bytes_per_turn; left >= buffer.size() && !is_garbled(); left -= buffer.size()) {
    const std::size_t got = transport_->receive(buffer.data(), buffer.size());
    if (got > 0) reader_.feed({buffer.data(), got});
    if (got < buffer.size()) return;
  }
}

void Session::send(std::string_view commands, std::size_t count) {
  reader_.restart();
  owed_ += count;
  handshake_error_.reset();
  if (shook_hands_) return transport_->send(commands);
  shook_hands_ = true;
  transport_->send(handshake().append(commands));
}

void Session::send_next(std::string_view commands, std::size_t count) {
  owed_ += count;
  transport_->send(commands);
}

std::string Session::handshake() {
  std::string bytes;
  if (!target_.password.empty() || !target_.user.empty()) {  // an ACL user may have no password
    bytes += target_.user.empty() ? format_command({"AUTH", target_.password})
                                  : format_command({"AUTH", target_.user, target_.password});
    owes_auth_ = true;
  }
  if (target_.database != 0) {
    bytes += format_command({"SELECT", std::to_string(target_.database)});
    owes_select_ = true;
  }
  return bytes;
}

Session::Step Session::next_step() {
  if (std::exchange(owes_auth_, false)) return Step::auth;
  if (std::exchange(owes_select_, false)) return Step::select;
  return Step::command;
}

std::optional<RespValue> Session::next_reply() {
  while (owed_ > 0) {
    auto reply = reader_.next();
    if (!reply) {
      if (is_garbled()) error_ = is_over_limit() ? reader_.error() : "not the Redis protocol: " + reader_.error();
      return std::nullopt;
    }
    answered_ = true;
    const Step step = next_step();
    if (step == Step::command) {
      --owed_;
      return reply;
    }
    on_handshake_reply(step, *reply);
  }
  return std::nullopt;
}

void Session::on_handshake_reply(Step step, const RespValue& reply) {
  if (reply.kind != RespValue::Kind::error || handshake_error_) return;
  handshake_error_ = classify(step == Step::auth ? shown_reply(reply.text, target_.password) : reply.text);
  if (step == Step::auth && target_.password.empty()) handshake_error_->text += " (no password was given)";
  // With an unknown error text, a failed AUTH still counts as denied and a failed SELECT as misconfigured.
  if (handshake_error_->fault == Fault::unexpected) {
    handshake_error_->fault = step == Step::auth ? Fault::denied : Fault::misconfigured;
  }
}

}  // namespace condolock::engine::redis
