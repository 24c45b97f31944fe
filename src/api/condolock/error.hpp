/// @file
/// How calls of the library fail.
///
/// Each call comes in two forms, as in std::filesystem: one throws Exception, the other takes an Error& and throws only
/// std::bad_alloc. Both carry the same Error. A refusal is no error: see Decision.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "condolock/export.hpp"

namespace condolock {

/// What went wrong. The number after each name is the exit code of `condolock` for the same error.
enum class Errc : std::uint8_t {
  none,           ///< 0: no error
  invalid,        ///< 64: an argument is out of range, or arguments exclude each other; nothing was sent
  malformed,      ///< 65: a stored record is malformed or not ours; nothing was overwritten
  unreachable,    ///< 69: no answer: nothing listens, the connection broke or timed out, the name can't be resolved
  not_ready,      ///< 69: the server answers, but is loading, busy, or has too many clients
  local,          ///< 69: this machine lacks something: a descriptor, a thread, memory
  not_primary,    ///< 69: a replica answered
  write_refused,  ///< 69: the server refuses writes: its memory is full, or it can't save
  internal,       ///< 70: a fault in this library
  not_recorded,   ///< 74: the work is done, but that could not be recorded: the job may run again
  superseded,     ///< 74: the lease was revoked or went to a later run; the result is only in the history
  unexpected,     ///< 76: the server's reply is not one that the protocol allows
  denied,         ///< 77: authentication or permission
  misconfigured,  ///< 78: the URL, the namespace or the database is wrong
  lost            ///< 79: the lease was lost before the work was finished
};

/// An error, or none.
struct Error {
  Errc code = Errc::none;  ///< none: no error
  std::string text;        ///< one sentence for people, as `condolock` prints it. Holds no password.

  /// Whether there is one.
  explicit operator bool() const { return code != Errc::none; }
};

/// What the throwing forms throw. what() is the Error's text.
class CONDOLOCK_API Exception : public std::runtime_error {
 public:
  explicit Exception(const Error& error);                     ///< `error` must be one
  Exception(const Exception&) noexcept = default;             ///< a copy
  Exception& operator=(const Exception&) noexcept = default;  ///< a copy
  ~Exception() override;

  Errc code() const noexcept { return code_; }     ///< what went wrong
  Error error() const { return {code_, what()}; }  ///< the same as a value

 private:
  Errc code_;
};

}  // namespace condolock
