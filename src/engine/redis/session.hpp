// Sends commands to a server over a Transport and returns the replies in the same order. Does the handshake: AUTH, SELECT.
//
// AUTH and SELECT go out in one write with the first commands, so that they cost no round trip. If one of them fails, the
// later replies are void: the commands ran as another user or in another database. See handshake_error().
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/redis/error_reply.hpp"
#include "engine/redis/resp.hpp"
#include "engine/redis/transport.hpp"
#include "engine/redis/url.hpp"

namespace condolock::engine::redis {

class Session {
 public:
  // Uses the target's user, password and database. `target` must outlive this.
  Session(std::unique_ptr<Transport> transport, const Target& target);

  Interest interest() const { return transport_->interest(); }
  // Connects, sends and receives without blocking, at most max_bytes_per_turn bytes. Call next_reply() afterwards.
  void advance(short revents);

  bool is_connected() const { return transport_->is_connected(); }
  // Why the connection can't be used any more; empty: it can.
  const std::string& error() const { return error_.empty() ? transport_->error() : error_; }
  // What kind of failure error() is, while connecting: see Transport.
  Fault fault() const { return error_.empty() ? transport_->fault() : Fault::unreachable; }
  // The server sent something that is not RESP, or more than the limits allow.
  bool is_garbled() const { return !reader_.error().empty(); }
  bool is_over_limit() const { return reader_.is_over_limit(); }
  // The server has sent a reply, to anything.
  bool has_answered() const { return answered_; }
  // Ready for another exchange: no reply is outstanding, no other bytes have arrived, and the connection is still open.
  bool is_idle() const { return owed_ == 0 && error().empty() && reader_.is_empty() && transport_->is_quiet(); }

  // Sends `count` formatted commands in one write, after the handshake if that is not done. Starts a new exchange for
  // RespReader's limits.
  void send(std::string_view commands, std::size_t count);
  // Sends `count` more commands of the same exchange.
  void send_next(std::string_view commands, std::size_t count);
  // The reply to the next command, without those to AUTH and SELECT. None: not arrived yet, or error() is set.
  std::optional<RespValue> next_reply();

  // The first error reply to AUTH or SELECT in this exchange. If set, the exchange's other replies are void.
  const std::optional<ErrorReply>& handshake_error() const { return handshake_error_; }

 private:
  enum class Step : std::uint8_t { auth, select, command };

  std::string handshake();
  Step next_step();
  void on_handshake_reply(Step step, const RespValue& reply);

  std::unique_ptr<Transport> transport_;
  const Target& target_;
  RespReader reader_;
  std::string error_;
  bool answered_ = false;
  bool shook_hands_ = false;
  bool owes_auth_ = false;
  bool owes_select_ = false;
  std::size_t owed_ = 0;  // outstanding replies, without those of the handshake
  std::optional<ErrorReply> handshake_error_;
};

}  // namespace condolock::engine::redis
