// Bytes to and from one server: TCP or a Unix socket (socket_transport.hpp). Never blocks, never raises SIGPIPE.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"

namespace condolock::engine::redis {

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // What to poll for. The transport decides, not its user: one that encrypts may have to read before it can send.
  virtual Interest interest() const = 0;
  // Connects and sends as far as that goes without blocking. `revents`: what poll reported; 0 is fine too.
  virtual void advance(short revents) = 0;

  virtual bool is_connected() const = 0;
  // What went wrong, as strerror says it; empty while all is well. A broken transport stays broken.
  virtual const std::string& error() const = 0;

  // Sends the bytes, at once or as advance() gets to it.
  virtual void send(std::string_view bytes) = 0;
  // Takes up to `size` bytes that have arrived. 0: none now, or error() is set.
  virtual std::size_t receive(char* into, std::size_t size) = 0;
  // All is sent, nothing has arrived that receive() has not taken, and the server has not hung up.
  virtual bool is_quiet() = 0;
};

// Begins to connect. Never null: a connection that fails at once has its error().
using Connector = std::function<std::unique_ptr<Transport>(const Address&)>;

}  // namespace condolock::engine::redis
