// Which errors say that this machine has run out of something.
#pragma once

#include <cerrno>

namespace condolock::util {

// `error`: an errno. True for descriptors, memory, processes and local ports, which no server can help.
inline bool is_local_shortage(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:
      return true;
    default:
      return false;
  }
}

}  // namespace condolock::util
