#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/redis/redis_engine.hpp"
#include "support/temporary_directory.hpp"

struct redisContext;

namespace support {

// A real redis-server for one test, on a Unix socket in a temporary directory. It ends with the test. A server that does not
// start fails the test.
class RedisServer {
 public:
  explicit RedisServer(const std::vector<std::string>& options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  // kill -9; then start() brings it back, with its data on disk.
  void kill();
  void start();
  pid_t pid() const { return pid_; }  // -1: killed

  std::string socket() const { return directory_.path() + "/redis.sock"; }
  condolock::engine::redis::Target target() const;

  // Runs one command on a connection of its own. Arrays are joined with spaces, nil is "(nil)", errors are thrown.
  std::string command(const std::vector<std::string>& words);

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> options_;
  pid_t pid_ = -1;
  redisContext* context_ = nullptr;
};

// The server that most tests share; each call empties it.
RedisServer& empty_server();

}  // namespace support
