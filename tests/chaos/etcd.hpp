// An etcd of one member, on Unix sockets in a temporary directory, with the defaults of its package.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/temporary_directory.hpp"

namespace chaos {

class Etcd {
 public:
  // Returns when it serves. Throws std::runtime_error.
  Etcd();
  Etcd(const Etcd&) = delete;
  Etcd& operator=(const Etcd&) = delete;
  ~Etcd();

  // kill -9; then start() brings it back, with what it has on disk, without waiting until it serves.
  void kill();
  void start();
  pid_t pid() const { return pid_; }  // -1: killed

  std::string socket() const { return directory_.path() + "/client:0"; }

 private:
  support::TemporaryDirectory directory_;
  pid_t pid_ = -1;
};

}  // namespace chaos
