// Finds the addresses to connect to: those of a URL's host (host_discovery.hpp), of the primary that Sentinels name
// (sentinel_discovery.hpp), of a Cluster's nodes (cluster_discovery.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"
#include "engine/redis/resp.hpp"

namespace condolock::engine::redis {

class Discovery {
 public:
  Discovery() = default;
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  virtual ~Discovery() = default;

  // Starts a new search and drops an earlier one. `deadline`: when the caller gives up.
  virtual void start(Instant now, Instant deadline) = 0;
  virtual void cancel() = 0;
  virtual Interest interest() const = 0;
  // At least one address, best first, or why there is none, in a whole sentence. Empty while the search goes on. After
  // `unreachable`, the addresses that were found before are the best guess.
  virtual std::optional<Answered<std::vector<Address>>> advance(short revents, Instant now) = 0;
  // For messages: who has not answered yet. "cannot resolve the host h: no answer from a name server"
  virtual std::string pending() const = 0;

  // True if another search may find other addresses.
  virtual bool can_change() const = 0;
  // True if another server takes over within seconds when this one fails. So it pays to search again until the deadline.
  virtual bool fails_over() const { return false; }
  // The command whose reply must prove, before anything else is sent, that the server is the right one. Empty: none.
  virtual std::string proof() const { return ""; }
  // Reads the server's reply to proof(). Returns nothing if the server is the right one. Otherwise the caller puts the
  // server's name before the failure's text: "belongs to no Cluster". The caller handles a reply that is an error.
  virtual std::optional<Failure> objection(const RespValue& /*reply*/) const { return std::nullopt; }
  // A server named another one: the next search looks there first. False: this discovery does not follow.
  virtual bool redirect(const Endpoint& /*to*/) { return false; }
};

}  // namespace condolock::engine::redis
