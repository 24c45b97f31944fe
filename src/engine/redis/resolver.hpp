// Host names to addresses, by c-ares inside the caller's own poll loop. getaddrinfo(3) would block for as long as the
// resolver likes, past TERM and past a lease's end; and linked statically it fails wherever nsswitch.conf names a module of
// another glibc.
//
// Looked at are /etc/hosts and the name servers of /etc/resolv.conf, with its search list and options. Names that only
// another module of nsswitch.conf knows (LDAP, mDNS, machines of systemd) are not found.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"
#include "util/fd.hpp"
#include "util/result.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace condolock::engine::redis {

class Resolver {
 public:
  // One look-up, from its construction on. `patience` is shared out among the name servers. `servers`: "127.0.0.1:5353", for
  // tests; empty: those of resolv.conf.
  Resolver(const std::string& host, std::uint16_t port, Millis patience, const std::string& servers = "");
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  Interest interest() const;
  // The addresses, best first and never none, or why there are none; nothing while still looking.
  std::optional<util::Result<std::vector<Address>>> advance();

 private:
  struct Callbacks;
  using Outcome = util::Result<std::vector<Address>>;

  util::Fd epoll_;  // all of c-ares' sockets, as one descriptor
  ares_channeldata* channel_ = nullptr;
  std::optional<Outcome> outcome_;
};

}  // namespace condolock::engine::redis
