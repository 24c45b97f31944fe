// Errors of system calls, as the store reports them.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "engine/embedded/store.hpp"
#include "util/shortage.hpp"

namespace condolock::engine::embedded {

// `error`: an errno.
inline Fault fault_of_system(int error) {
  if (util::is_local_shortage(error)) return Fault::local;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Fault::write_refused;
    case EIO:
    case ENOLCK:
      return Fault::local;
    default:
      return Fault::denied;
  }
}

// `what`: what was tried, and on which file.
inline StoreError system_failure(const std::string& what, int error) {
  return {fault_of_system(error), what + ": " + std::strerror(error)};
}

}  // namespace condolock::engine::embedded
