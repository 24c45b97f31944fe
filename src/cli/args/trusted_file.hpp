// Files that decide which server is used, and as which user.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "util/result.hpp"

namespace condolock::cli {

struct TrustedFile {
  std::string text;
  bool is_exposed = false;  // another user can read it, or it is this user's own and its group can read it
};

// Reads a regular file or a pipe of at most 64 KiB. Waits at most 10 seconds for the writer of a pipe. Refuses a file that
// its group or others may write, or whose owner is_trusted_owner() refuses. A descriptor that the caller passed (/dev/stdin,
// /dev/fd/N) may be a pipe or a socket of any user. Follows symbolic links. `what` begins the text of a problem: "the
// password file".
util::Result<TrustedFile> read_trusted(const std::string& what, const std::string& path);

// Users as the kernel shows them in a user namespace.
struct UserNamespace {
  uid_t self = 0;        // this process' user
  uid_t overflow = 0;    // what stat() reports as the owner of a file whose real owner has no number here
  std::string_view map;  // of /proc/self/uid_map: lines "first number here, first number outside, count"
};

// True for root, for this process' user, and for an owner without a number in this user namespace: nobody in it can act as
// that user.
bool is_trusted_owner(uid_t owner, const UserNamespace& users);

}  // namespace condolock::cli
