#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/redis/url.hpp"
#include "support/temporary_directory.hpp"

namespace support {

// A server with any answers. For the nth connection it waits for a command and then sends the nth text: 100 ms later if that
// begins with "LATE". It closes the connection if the text ends with "CLOSE". Connections beyond the texts get no answer.
class FakeServer {
 public:
  explicit FakeServer(std::vector<std::string> texts);
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer();

  condolock::engine::redis::Target target() const;
  int connections() const { return connections_; }

 private:
  void serve();

  TemporaryDirectory directory_;
  std::vector<std::string> texts_;
  int listener_ = -1;
  int stop_ = -1;  // an eventfd
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace support
