#include "engine/redis/socket_transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "util/shortage.hpp"

namespace condolock::engine::redis {

std::unique_ptr<Transport> SocketTransport::connect(const Address& address) {
  return std::make_unique<SocketTransport>(address);
}

SocketTransport::SocketTransport(const Address& address)
    : fd_(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (!fd_) {
    fail(errno);
    return;
  }
  if (address.storage.ss_family != AF_UNIX) {
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  // EAGAIN on a Unix socket: the server's backlog is full. The socket will never become writable, so this is a failure.
  const int connected = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length);
  if (connected != 0 && errno != EINPROGRESS) fail(errno);
}

void SocketTransport::fail(int error) {
  if (!error_.empty()) return;
  error_ = error == EPIPE ? "the server closed the connection" : std::strerror(error);
  local_ = !connected_ && util::is_local_shortage(error);
}

Interest SocketTransport::interest() const {
  if (!connected_) return {fd_.get(), POLLOUT, {}};
  return {fd_.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), {}};
}

void SocketTransport::advance(short revents) {
  if (revents == 0 || !error_.empty()) return;
  if (!connected_) return finish_connecting();
  if ((revents & POLLOUT) != 0) flush();
}

void SocketTransport::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail(error);
  connected_ = true;
  flush();
}

void SocketTransport::send(std::string_view bytes) {
  unsent_ += bytes;
  if (connected_) flush();
}

void SocketTransport::flush() {
  while (!unsent_.empty() && error_.empty()) {
    const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      unsent_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

std::size_t SocketTransport::receive(char* into, std::size_t size) {
  for (;;) {
    const ssize_t got = recv(fd_.get(), into, size, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) {
      if (error_.empty()) error_ = "the server closed the connection";
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) fail(errno);
    return 0;
  }
}

bool SocketTransport::is_quiet() {
  char byte = 0;
  return error_.empty() && unsent_.empty() && recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

}  // namespace condolock::engine::redis
