#include "engine/redis/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace condolock::redis {

Socket::Socket(const Address& address)
    : fd_(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (!fd_) {
    fail(errno);
    return;
  }
  if (address.storage.ss_family != AF_UNIX) {
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  // A Unix socket whose backlog is full answers EAGAIN and will not become writable: a failure, to be tried again.
  if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 && errno != EINPROGRESS) {
    fail(errno);
  }
}

void Socket::fail(int error) {
  if (error_.empty()) error_ = std::strerror(error);
}

bool Socket::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) fail(error);
  return error_.empty();
}

bool Socket::is_quiet() const {
  char byte = 0;
  return error_.empty() && unsent_.empty() && recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void Socket::send(const std::string& bytes) {
  unsent_ += bytes;
  flush();
}

void Socket::flush() {
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

void Socket::receive() {
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      reader_.feed({buffer.data(), static_cast<std::size_t>(got)});
      if (static_cast<std::size_t>(got) < buffer.size() || !reader_.error().empty()) return;
    } else if (got == 0) {
      if (error_.empty()) error_ = "the server closed the connection";
      return;
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return fail(errno);
    }
  }
}

std::optional<RespValue> Socket::next_reply() {
  auto reply = reader_.next();
  if (!reader_.error().empty() && error_.empty()) error_ = "not the Redis protocol: " + reader_.error();
  return reply;
}

}  // namespace condolock::redis
