// A connection to one server: TCP or a Unix socket (socket_transport.hpp), or TLS over TCP (tls.hpp). Never blocks and never
// raises SIGPIPE.
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

  // What to poll for. The transport decides this: an encrypted one may have to read before it can send. A transport that
  // holds bytes for receive() that poll() does not see must set `wake`, since a caller takes only a limited number of bytes
  // at a time.
  virtual Interest interest() const = 0;
  // Connects and sends as far as possible without blocking. `revents`: what poll() reported, or 0.
  virtual void advance(short revents) = 0;

  virtual bool is_connected() const = 0;
  // What went wrong, mostly in the words of strerror(3); empty: nothing. A broken transport stays broken.
  virtual const std::string& error() const = 0;
  // What kind of failure error() is, while connecting: `unreachable`; `local`, of this machine; or, over TLS, `denied`: a
  // certificate is not the right one, and `unexpected`: the server does not speak TLS.
  virtual Fault fault() const = 0;

  // Sends the bytes. advance() sends later what does not fit now.
  virtual void send(std::string_view bytes) = 0;
  // Reads what has arrived: `size` bytes, or fewer if there are no more. 0: none yet, or error() is set.
  virtual std::size_t receive(char* into, std::size_t size) = 0;
  // True if everything is sent, no bytes wait for receive(), and the server has not closed the connection.
  virtual bool is_quiet() = 0;
};

// Starts to connect. Never returns null: if connecting fails at once, error() says why.
using Connector = std::function<std::unique_ptr<Transport>(const Address&)>;

}  // namespace condolock::engine::redis
