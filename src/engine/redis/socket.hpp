// One connection: bytes out, replies in. Never blocks, never raises SIGPIPE, is closed on exec.
#pragma once

#include <optional>
#include <string>

#include "engine/redis/address.hpp"
#include "engine/redis/resp.hpp"
#include "util/fd.hpp"

namespace condolock::redis {

class Socket {
 public:
  // Begins to connect. Connected, or failed, by the time fd() is writable.
  explicit Socket(const Address& address);

  int fd() const { return fd_.get(); }
  // What went wrong, as strerror says it; empty while all is well. A broken socket stays broken.
  const std::string& error() const { return error_; }
  // What came is not the Redis protocol.
  bool is_garbled() const { return !reader_.error().empty(); }

  // After fd() became writable: true once connected.
  bool finish_connecting();
  // Nothing is owed to us and the peer has not hung up meanwhile.
  bool is_quiet() const;

  void send(const std::string& bytes);
  void flush();
  bool has_unsent() const { return !unsent_.empty(); }

  // Reads what is there.
  void receive();
  std::optional<RespValue> next_reply();
  // The reader's limits count from here.
  void begin_exchange() { reader_.restart(); }

 private:
  void fail(int error);

  Fd fd_;
  std::string error_;
  std::string unsent_;
  RespReader reader_;
};

}  // namespace condolock::redis
