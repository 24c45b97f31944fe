// What one exchange with a server may cost in memory and time, whatever the server sends.
#pragma once

#include <cstddef>
#include <string>

#include "util/clock.hpp"

namespace condolock::engine::redis::limits {

inline constexpr std::size_t mebibyte = std::size_t{1} << 20U;

// Bytes of all replies in one exchange, and values in them.
inline constexpr std::size_t max_reply_bytes = 8 * mebibyte;
inline constexpr std::size_t max_reply_values = 200'000;
// Arrays within arrays. hiredis 0.14 allows 8, hiredis 1.2 any number.
inline constexpr std::size_t max_reply_depth = 7;
// Bytes of one request. At most this much waits to be sent. It is twice as much if the server answers NOSCRIPT before it has
// read all.
inline constexpr std::size_t max_request_bytes = 8 * mebibyte;
// Bytes to read before the caller looks at its deadlines and signals again.
inline constexpr std::size_t max_bytes_per_turn = mebibyte / 4;
// Nodes of a Cluster that one call is sent on to, before it pauses.
inline constexpr int max_redirections = 5;
// To connect to one server, where another one may take over.
inline constexpr Millis longest_connecting{1000};
// Primaries of a Sentinel that a message lists, and bytes of each name.
inline constexpr std::size_t max_listed_primaries = 20;
inline constexpr std::size_t max_name_bytes = 64;
// Bytes of a server's error that a message quotes.
inline constexpr std::size_t max_quoted_bytes = 300;

}  // namespace condolock::engine::redis::limits
