// Asks Sentinels for the address of the primary: one after the other, since the first answer is as good as any. The server
// that they name must still prove that it is a primary (Discovery::needs_proof): a Sentinel that is cut off, or that has not
// yet heard of a failover, names an old one.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/redis/discovery.hpp"
#include "engine/redis/host_discovery.hpp"
#include "engine/redis/session.hpp"

namespace condolock::engine::redis {

class SentinelDiscovery final : public Discovery {
 public:
  // Uses the target's Sentinels, the user and password for them, and the name of the primary. `connect` must outlive this.
  SentinelDiscovery(const Target& target, const Connector& connect);

  void start(Instant now, Instant deadline) override;
  void cancel() override;
  Interest interest() const override;
  // The addresses of the primary. `misconfigured`: no Sentinel knows its name.
  std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) override;
  std::string pending() const override;

  bool can_change() const override { return true; }
  bool fails_over() const override { return true; }
  // A Sentinel may name a server that is a replica by now.
  std::string proof() const override { return "ROLE"; }
  std::optional<Failure> objection(const RespValue& reply) const override;

 private:
  // resolving, connecting, asking, listing: a Sentinel. finding: the host that it named.
  enum class Phase : std::uint8_t { idle, resolving, connecting, asking, listing, finding };
  using Outcome = Answered<std::vector<Address>>;

  void ask_next(Instant now);
  void connect_next(Instant now);
  void on_resolving(short revents, Instant now);
  void on_connecting(Instant now);
  void on_reply(const RespValue& reply, Instant now);
  void on_names(const RespValue& reply);
  void give_up(Fault fault, const std::string& why, Instant now);
  // What all Sentinels together said.
  Outcome conclusion() const;
  const Endpoint& sentinel() const { return sentinels_.front(); }

  const Connector& connect_;
  const std::string primary_;
  const bool encrypted_;
  Target as_client_;                 // user and password for the Sentinels
  std::vector<Endpoint> sentinels_;  // that of this attempt is the first
  std::size_t left_ = 0;             // to ask after this one
  Phase phase_ = Phase::idle;
  Instant deadline_{};
  Instant until_{};          // of this attempt
  Instant address_until_{};  // when to try the Sentinel's next address
  std::unique_ptr<HostDiscovery> look_up_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  std::optional<Session> session_;
  std::optional<Failure> failure_;  // the most telling one of those who gave no answer
  bool is_unknown_ = false;         // a Sentinel does not know the primary's name
  bool may_list_ = true;            // it says which names it knows
  std::set<std::string> names_;     // these names
  std::optional<Outcome> outcome_;
};

}  // namespace condolock::engine::redis
