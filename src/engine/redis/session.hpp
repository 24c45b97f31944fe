// One conversation with a server over a Transport: the handshake, commands out, replies in the order of the commands.
//
// AUTH and SELECT go out in one write with the first commands, so that they cost no round trip. If one of them then turns
// out to have failed, the replies behind it are void: they came from another user or another database. See
// handshake_error().
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
  // Of the target, user, password and database matter here.
  Session(std::unique_ptr<Transport> transport, const Target& target);

  Interest interest() const { return transport_->interest(); }
  // Does what can be done without blocking; then next_reply() has what has arrived.
  void advance(short revents);

  bool is_connected() const { return transport_->is_connected(); }
  // Why the connection is of no use any more; empty while all is well.
  const std::string& error() const { return error_.empty() ? transport_->error() : error_; }
  // What arrived is not the Redis protocol, or more than RespReader's limits.
  bool is_garbled() const { return !reader_.error().empty(); }
  // Fit for another exchange: nothing is owed to us, nothing arrived that nobody asked for.
  bool is_idle() const { return owed_ == 0 && error().empty() && transport_->is_quiet(); }

  // Sends `count` commands, formatted one behind the other, in one write. The limits of one exchange count from here.
  void send(std::string_view commands, std::size_t count);
  // Sends one more command of the same exchange.
  void send_next(std::string_view command);
  // The reply to the next command; the replies to AUTH and SELECT are not among them. None: it has not arrived yet.
  std::optional<RespValue> next_reply();

  // The first error reply to AUTH or SELECT in this exchange: whatever else it replied is void.
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
  bool shook_hands_ = false;
  bool owes_auth_ = false;
  bool owes_select_ = false;
  std::size_t owed_ = 0;  // replies to commands
  std::optional<ErrorReply> handshake_error_;
};

}  // namespace condolock::engine::redis
