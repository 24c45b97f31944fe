// Where a server is, as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock::engine::redis {

struct Target {
  std::string host = "127.0.0.1";  // a name or an address, without brackets; empty: a Unix socket
  std::uint16_t port = 6379;
  std::string path;  // of the Unix socket
  int database = 0;
  std::string user;      // empty: the default user
  std::string password;  // empty: none. Never printed.

  // For messages: "127.0.0.1:6379", "[::1]:6379" or the socket's path.
  std::string shown() const;
};

// redis://[user[:password]@]host[:port][/db], valkey:// the same, unix://[user[:password]@]/path[?db=N]. User and password
// are percent-decoded. The problem never repeats the URL, since it may hold a password.
util::Result<Target> parse_url(std::string_view url);

// A well-formed URL of a kind that this build can't open (TLS, Sentinel, Cluster).
bool is_unsupported(std::string_view url);

// The same URL without its password; text that has none, or is no URL, unchanged.
std::string without_password(std::string_view url);

}  // namespace condolock::engine::redis
