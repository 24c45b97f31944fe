#include "chaos/server.hpp"

#include <csignal>
#include <vector>

namespace chaos {

Server::Server(Needs needs) {
  const std::vector<std::string> durable{"--appendonly", "yes", "--appendfsync", "always"};
  if (needs == Needs::redis) redis_ = std::make_unique<support::RedisServer>(durable);
  if (needs == Needs::etcd) etcd_ = std::make_unique<Etcd>();
}

void Server::kill() {
  is_away_ = true;
  etcd_ ? etcd_->kill() : redis_->kill();
}

void Server::stop() {
  is_away_ = true;
  ::kill(etcd_ ? etcd_->pid() : redis_->pid(), SIGSTOP);
}

void Server::bring_back() {
  if (!is_away_) return;
  is_away_ = false;
  const pid_t pid = etcd_ ? etcd_->pid() : redis_->pid();
  if (pid > 0) {
    ::kill(pid, SIGCONT);
  } else {
    etcd_ ? etcd_->start() : redis_->start();
  }
  if (is_full_) empty_memory();
}

void Server::fill_memory() {
  is_full_ = true;
  redis_->command({"CONFIG", "SET", "maxmemory", "1"});
}

void Server::empty_memory() {
  if (is_away_) return;
  is_full_ = false;
  redis_->command({"CONFIG", "SET", "maxmemory", "0"});
}

}  // namespace chaos
