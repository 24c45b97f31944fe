// Redis and Valkey, one server over TCP or a Unix socket.
//
// On a new connection AUTH, SELECT, ROLE and the script go out in one write, so that a run costs three round trips. If AUTH
// or SELECT then turns out to have failed, the script's answer is void: it came from another user or another database.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"
#include "engine/redis/error_reply.hpp"
#include "engine/redis/socket.hpp"
#include "engine/redis/url.hpp"
#include "util/random.hpp"

namespace condolock::redis {

class RedisEngine final : public Engine {
 public:
  explicit RedisEngine(Target target);

  void start(Call call, Instant now) override;
  void cancel() override;
  Interest interest() const override;
  std::optional<Reply> advance(short revents, Instant now) override;

 private:
  enum class Phase : std::uint8_t { idle, looking_up, connecting, exchanging, pausing };
  enum class Step : std::uint8_t { auth, select, role, wake, script };

  void connect(Instant now);
  void look_up();
  void open_next(Instant now);
  void exchange(bool opening, Instant now);
  void send_source(Instant now);
  void pause(const ErrorReply& error, Instant now);

  void on_lookup(Instant now);
  void on_connecting(short revents, Instant now);
  void on_exchange(short revents, Instant now);
  void on_reply(Step step, const RespValue& reply, Instant now);
  void on_script(const RespValue& reply, Instant now);
  void on_script_error(const ErrorReply& error, Instant now);
  void on_deadline(Instant now);

  // Until the script is sent, the time for sleeping is not ours to use up.
  Instant deadline() const;
  bool refused_opening();
  void finish(Values values);
  void fail(Failure failure);
  void disconnect(std::string why, Instant now);

  Target target_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  bool looked_up_ = false;  // in this call
  std::unique_ptr<Lookup> lookup_;
  std::optional<Socket> socket_;
  bool tainted_ = false;  // the opening failed: as it stands, good for same_session only

  Phase phase_ = Phase::idle;
  Call call_;
  Instant started_{};
  Instant step_until_{};  // connecting: give up on this address; pausing: go on
  std::deque<Step> awaited_;
  bool script_sent_ = false;
  Instant sent_{};
  std::string last_said_;                    // by a server that was not ready
  std::optional<ErrorReply> opening_error_;  // to what was written before the script
  std::optional<bool> from_primary_;
  std::optional<Reply> reply_;
  Jitter jitter_;
};

}  // namespace condolock::redis
