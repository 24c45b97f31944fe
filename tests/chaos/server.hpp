// The server of a trial: a Redis that syncs each command to disk, an etcd, or none. Every fault can be undone.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "chaos/etcd.hpp"
#include "chaos/tool.hpp"
#include "support/redis_server.hpp"

namespace chaos {

class Server {
 public:
  // Returns when it serves. Throws std::runtime_error.
  explicit Server(Needs needs);

  bool exists() const { return redis_ || etcd_; }
  std::string socket() const { return etcd_ ? etcd_->socket() : redis_ ? redis_->socket() : ""; }
  support::RedisServer& redis() { return *redis_; }

  // True if it is killed or stopped: no other fault can hit it.
  bool is_away() const { return is_away_; }
  void kill();
  void stop();
  void bring_back();
  void fill_memory();
  // Does nothing while the server is away; then bring_back() does it.
  void empty_memory();

 private:
  std::unique_ptr<support::RedisServer> redis_;
  std::unique_ptr<Etcd> etcd_;
  bool is_away_ = false;
  bool is_full_ = false;
};

}  // namespace chaos
