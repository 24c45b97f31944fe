// The engine for Redis and Valkey. A Discovery finds the server, a Session talks to it over a Transport. This class decides
// what is repeated, what is void, and which fault a failure is.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/discovery.hpp"
#include "engine/redis/error_reply.hpp"
#include "engine/redis/session.hpp"
#include "engine/redis/transport.hpp"
#include "engine/redis/url.hpp"
#include "util/random.hpp"

namespace condolock::engine::redis {

class RedisEngine final : public Engine {
 public:
  // Connects to the target over TCP, with TLS or without, or a Unix socket.
  explicit RedisEngine(Target target);
  // Finds and reaches the server in another way. Uses the target's user, password and database, and its address in messages.
  RedisEngine(Target target, std::unique_ptr<Discovery> discovery, Connector connect);

  void start(Call call, Instant now) override;
  void cancel() override;
  Interest interest() const override;
  std::optional<Reply> advance(short revents, Instant now) override;

 private:
  // proving: asking the server whether it is the right one.
  enum class Phase : std::uint8_t { idle, discovering, connecting, proving, exchanging, pausing };
  // asking: the reply does not matter. change: what the engine writes before it waits for replicas.
  enum class Step : std::uint8_t { asking, role, wake, script, change, replicas };

  void find_server(Instant now);
  void discover(Instant now);
  void connect_next(Instant now);
  bool is_named_by_another() const;
  void exchange(Instant now);
  void add(std::string& bytes, Step step, const std::string& command);
  bool is_too_long(const std::string& request);
  void send_source(Instant now);
  void await_replicas(Values values, Instant now);
  void pause(ErrorReply error, Instant now);
  bool follow(const Redirection& redirection, Instant now);
  void search_again(const Failure& failure, Instant now);
  void begin_again(const Failure& failure, Instant now);

  void on_discovering(short revents, Instant now);
  void on_connecting(short revents, Instant now);
  void on_proving(short revents, Instant now);
  void on_exchange(short revents, Instant now);
  void on_reply(Step step, const RespValue& reply, Instant now);
  void on_script(const RespValue& reply, Instant now);
  void on_script_error(const ErrorReply& error, Instant now);
  void on_replicas(const RespValue& reply);
  void on_deadline(Instant now);

  // The server that is being talked to, for messages: "127.0.0.1:6379".
  std::string server() const;
  // Of the URL that the user should write: "rediss+cluster://".
  std::string scheme(bool encrypted) const;
  // When to give up in this phase. Before the exchange, it reserves the time for Call::wait.
  Instant deadline() const;
  // The session's error, with advice if a limit was exceeded.
  std::string session_error() const;
  // The error reply to AUTH, SELECT or BLPOP. It voids the script's answer.
  const std::optional<ErrorReply>& earlier_error() const;
  bool fail_with_earlier_error();
  void finish(Values values);
  void fail(Failure failure);
  void disconnect(std::string why, Instant now);

  const Target target_;
  Connector connect_;
  std::unique_ptr<Discovery> discovery_;
  std::vector<Address> addresses_;  // result of the last discovery
  bool doubtful_ = false;           // an address was refused, silent, closed early, or not the primary: look again
  std::size_t next_address_ = 0;
  int redirections_ = 0;     // nodes of a Cluster that sent this call on since it last paused
  std::string named_;        // the node to which the last of them sent it: "10.0.0.7:6379"
  bool is_asking_ = false;   // ASKING must precede each command
  bool discovered_ = false;  // discovery has run in this call
  // Why connecting failed in this call: a refusal by one of the addresses, else `unreachable`, and only if all of them
  // failed for it a shortage on this machine.
  std::optional<Fault> connecting_fault_;
  std::optional<Session> session_;
  bool tainted_ = false;  // AUTH, SELECT or BLPOP failed on it: use it for same_session only

  Phase phase_ = Phase::idle;
  Call call_;
  Instant started_{};
  Instant step_until_{};  // connecting: when to try the next address; pausing: when to retry
  std::deque<Step> awaited_;
  bool script_sent_ = false;
  Instant sent_{};
  std::string last_error_;                  // the last reply of a server that was not ready
  std::string connect_error_;               // why the last attempt to connect failed in this call
  std::optional<Failure> last_failure_;     // why the search goes on, where another server may take over
  std::optional<Values> unconfirmed_;       // the script's answer, until enough replicas have what it wrote
  std::optional<ErrorReply> change_error_;  // the error reply to the change before WAIT
  std::optional<ErrorReply> blpop_error_;   // the error reply to BLPOP
  std::optional<bool> from_primary_;
  std::optional<Reply> reply_;
  util::Jitter jitter_;
};

}  // namespace condolock::engine::redis
