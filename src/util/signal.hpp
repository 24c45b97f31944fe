#pragma once

#include <csignal>

namespace condolock::util {

// Whether the signal asks a program to end.
constexpr bool asks_to_end(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

}  // namespace condolock::util
