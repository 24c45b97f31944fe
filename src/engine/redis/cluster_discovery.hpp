// Finds the nodes of a Cluster to talk to: first the one that another node named (MOVED, ASK), then those of the URL. Any
// node knows who has the keys, so condolock needs neither the slots nor the permission to ask for them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/redis/discovery.hpp"
#include "engine/redis/host_discovery.hpp"

namespace condolock::engine::redis {

class ClusterDiscovery final : public Discovery {
 public:
  // `nodes`: at least one.
  explicit ClusterDiscovery(std::vector<Endpoint> nodes) : nodes_(std::move(nodes)) {}

  void start(Instant now, Instant deadline) override;
  void cancel() override { look_up_.reset(); }
  Interest interest() const override;
  // The addresses of all nodes whose names can be resolved; that of the named one first.
  std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) override;
  std::string pending() const override;

  bool can_change() const override { return true; }
  bool fails_over() const override { return true; }
  bool redirect(const Endpoint& to) override;
  // Two nodes of the URL that belong to no Cluster would both grant the same lease. Every user may say HELLO.
  std::string proof() const override { return "HELLO"; }
  std::optional<Failure> objection(const RespValue& reply) const override;

 private:
  void look_up_next(Instant now);

  std::vector<Endpoint> nodes_;    // those of the URL
  std::optional<Endpoint> named_;  // by another node, since the last search
  bool is_following_ = false;      // this search is for the named one
  std::size_t next_ = 0;
  std::size_t searches_ = 0;
  std::vector<Address> others_;  // of the nodes of the URL, found in an earlier search
  Instant deadline_{};
  Instant until_{};  // of this look-up
  std::unique_ptr<HostDiscovery> look_up_;
  std::vector<Address> found_;
  std::optional<Failure> failure_;
};

}  // namespace condolock::engine::redis
