// Unencrypted TCP and Unix sockets.
#pragma once

#include <memory>
#include <string>

#include "engine/redis/transport.hpp"
#include "util/fd.hpp"

namespace condolock::engine::redis {

class SocketTransport final : public Transport {
 public:
  // The Connector for redis://, valkey:// and unix:// URLs.
  static std::unique_ptr<Transport> connect(const Address& address);

  explicit SocketTransport(const Address& address);

  Interest interest() const override;
  void advance(short revents) override;
  bool is_connected() const override { return connected_ && error_.empty(); }
  const std::string& error() const override { return error_; }
  Fault fault() const override { return local_ ? Fault::local : Fault::unreachable; }
  void send(std::string_view bytes) override;
  std::size_t receive(char* into, std::size_t size) override;
  bool is_quiet() override;

 private:
  void fail(int error);
  void finish_connecting();
  void flush();

  util::Fd fd_;
  bool connected_ = false;
  std::string error_;
  bool local_ = false;
  std::string unsent_;
};

}  // namespace condolock::engine::redis
