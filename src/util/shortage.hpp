// Which errors mean that this machine has run out of something.
#pragma once

#include <cerrno>

namespace condolock::util {

// `error`: an errno. True for descriptors, memory, processes and local ports: another server would not help.
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
