#include "support/fake_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace support {

FakeServer::FakeServer(std::vector<std::string> texts) : texts_(std::move(texts)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  target().path.copy(address.sun_path, sizeof address.sun_path - 1);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 64) != 0) {
    throw std::runtime_error("can't listen on " + target().path);
  }
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(listener_);
  close(stop_);
}

condolock::engine::redis::Target FakeServer::target() const {
  condolock::engine::redis::Target target;
  target.host.clear();
  target.path = directory_.path() + "/fake.sock";
  return target;
}

void FakeServer::serve() {
  std::vector<pollfd> fds{{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
  std::vector<std::size_t> numbers{0, 0};
  for (;;) {
    poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) break;
    if (fds[1].revents != 0) {
      fds.push_back({accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), POLLIN, 0});
      numbers.push_back(static_cast<std::size_t>(connections_++));
    }
    for (std::size_t i = 2; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      bool over = read(fds[i].fd, buffer.data(), buffer.size()) <= 0;
      if (!over && numbers[i] < texts_.size()) {
        std::string text = texts_[numbers[i]];
        if (text.starts_with("LATE")) {
          poll(nullptr, 0, 100);
          text.erase(0, 4);
        }
        if (text.ends_with("CLOSE")) {
          over = true;
          text.resize(text.size() - 5);
        }
        static_cast<void>(send(fds[i].fd, text.data(), text.size(), MSG_NOSIGNAL));
      }
      if (over) {
        close(fds[i].fd);
        fds[i].fd = -1;
      }
    }
  }
  for (std::size_t i = 2; i < fds.size(); ++i) {
    if (fds[i].fd >= 0) close(fds[i].fd);
  }
}

}  // namespace support
