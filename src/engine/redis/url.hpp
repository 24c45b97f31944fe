// Parses URLs of Redis servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace condolock::engine::redis {

// How to check the server of a rediss:// URL, and how to prove who we are.
struct Tls {
  std::string ca;         // PEM file or directory of hashed certificates; empty: those of the system
  std::string cert;       // PEM file of the client's certificate and what it is signed by; empty: none
  std::string key;        // PEM file of its key; empty: it is in `cert`
  std::string name;       // the name to ask for (SNI) and to check; empty: the host of the URL
  bool insecure = false;  // check nothing
};

// Where a server is.
struct Endpoint {
  std::string host = "127.0.0.1";  // a name or a numeric address, without brackets ("fe80::1%eth0"); empty: a Unix socket
  std::uint16_t port = 6379;
  std::string path;  // of the Unix socket: absolute, at most 107 bytes

  // "127.0.0.1:6379", "[::1]:6379" or the socket's path, for messages.
  std::string shown() const;
};

// Reads "host:port" as a server names another one, with an IPv6 address in brackets or without. An empty host is allowed:
// the server does not know its own. None: it is something else.
std::optional<Endpoint> read_endpoint(std::string_view text);

// How the server that has the records is found.
enum class Topology : std::uint8_t {
  single,    // it is the one that the URL names
  sentinel,  // ask the Sentinels that the URL names
  cluster,   // ask the nodes that the URL names
};

// `host`, `port` and `path`: the server of a single one; else not used.
struct Target : Endpoint {
  Topology topology = Topology::single;
  std::vector<Endpoint> others;  // the Sentinels, or some nodes of the Cluster; at least one
  std::string primary;           // the name that the Sentinels have for the primary
  int database = 0;
  std::string user;        // empty: the default user
  std::string password;    // empty: none. Never printed.
  std::optional<Tls> tls;  // none: not encrypted. For Sentinels, too.
  std::string sentinel_user;
  std::string sentinel_password;  // never printed

  // "127.0.0.1:6379", a socket's path, "mymaster at the Sentinels a:26379, b:26379" or "the Cluster at a:6379, b:6379".
  std::string shown() const;
};

// Accepts redis://[user[:password]@]host[:port][/db], redis+sentinel://[...@]host[:port],.../primary[/db],
// redis+cluster://[...@]host[:port],..., each also with valkey, rediss or valkeys (TLS) instead of redis, and
// unix://[user[:password]@]/path[?db=N]. The user, the password, a socket's path, the primary's name and the zone of an IPv6
// address are percent-decoded. The error text never repeats the URL, which may hold a password.
util::Result<Target> parse_url(std::string_view url);

// The URL without its password. Returned unchanged if it has none, or if it is not a URL.
std::string without_password(std::string_view url);

}  // namespace condolock::engine::redis
