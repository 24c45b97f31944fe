// Resolves host names with c-ares inside the caller's poll loop. getaddrinfo(3) can block past TERM and past the end of a
// lease. Statically linked, it also fails if nsswitch.conf names a module of another glibc.
//
// c-ares reads /etc/hosts and asks the name servers of /etc/resolv.conf, with its search list and options. It does not find
// names that only other modules of nsswitch.conf know (LDAP, mDNS, systemd's machines).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/redis/address.hpp"
#include "util/fd.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace condolock::engine::redis {

class Resolver {
 public:
  // Starts one look-up. `patience`: how long the caller waits. Each name server has a quarter of it for its first answer,
  // from 50 ms to 1 s. `servers`: "127.0.0.1:5353", for tests; empty: those of resolv.conf.
  Resolver(const std::string& host, std::uint16_t port, Millis patience, const std::string& servers = "");
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  Interest interest() const;
  // At least one address, best first, or why there is none. Empty while the look-up goes on.
  std::optional<Answered<std::vector<Address>>> advance();

 private:
  struct Callbacks;
  void look_up(int family);
  using Outcome = Answered<std::vector<Address>>;

  util::Fd epoll_;  // one descriptor for all sockets of c-ares
  ares_channeldata* channel_ = nullptr;
  std::string host_;
  std::string port_;
  bool may_be_ipv6_ = false;  // only IPv4 addresses have been looked for so far
  bool ipv6_is_next_ = false;
  std::optional<Outcome> outcome_;
};

}  // namespace condolock::engine::redis
