#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/redis/redis_engine.hpp"
#include "support/temporary_directory.hpp"

struct redisContext;

namespace support {

// A real server of this test's own, on a Unix socket in a temporary directory: redis-server, or the program that the
// environment variable CONDOLOCK_TEST_SERVER names. It dies with the test, and one that does not come up is an error.
class RedisServer {
 public:
  explicit RedisServer(const std::vector<std::string>& options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  // kill -9; then start() brings it back, with what it has on disk.
  void kill();
  void start();
  pid_t pid() const { return pid_; }  // -1: killed

  std::string socket() const { return directory_.path() + "/redis.sock"; }
  condolock::engine::redis::Target target() const;

  // One command on a connection of the test's own; arrays are joined with spaces, nil is "(nil)", errors are thrown.
  std::string command(const std::vector<std::string>& words);

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> options_;
  pid_t pid_ = -1;
  redisContext* context_ = nullptr;
};

// The one that most tests share; emptied by each call.
RedisServer& empty_server();

}  // namespace support
