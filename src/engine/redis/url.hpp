// Parses URLs of Redis servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

struct Target {
  std::string host = "127.0.0.1";  // a name or a numeric address, without brackets ("fe80::1%eth0"); empty: a Unix socket
  std::uint16_t port = 6379;
  std::string path;  // of the Unix socket: absolute, at most 107 bytes
  int database = 0;
  std::string user;        // empty: the default user
  std::string password;    // empty: none. Never printed.
  std::optional<Tls> tls;  // none: not encrypted

  // "127.0.0.1:6379", "[::1]:6379" or the socket's path, for messages.
  std::string shown() const;
};

// Accepts redis://[user[:password]@]host[:port][/db], the same with valkey://, with rediss:// and valkeys:// for TLS, and
// unix://[user[:password]@]/path[?db=N]. The user, the password, a socket's path and the zone of an IPv6 address are
// percent-decoded. The error text never repeats the URL, which may hold a password.
util::Result<Target> parse_url(std::string_view url);

// True for the schemes of Sentinel and Cluster, which this version can't open. Looks at the scheme only.
bool is_unsupported(std::string_view url);

// The URL without its password. Returned unchanged if it has none, or if it is not a URL.
std::string without_password(std::string_view url);

}  // namespace condolock::engine::redis
