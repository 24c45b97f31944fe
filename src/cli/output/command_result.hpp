// How a command ends: its exit code, and what main prints for it. It is a value, since a usage error is not exceptional.
#pragma once

#include <string>

#include "engine/engine.hpp"
#include "exit_code.hpp"

namespace condolock::cli {

struct CommandResult {
  int exit_code = exit_code::ok;
  std::string error;       // for stderr, after "condolock: error: "
  std::string output;      // for stdout
  bool needs_tls = false;  // nothing was done: condolock-tls must take over
};

// Whether the user named a server. If not, and no server answers at the default address, describe() says how to name one.
void set_server_was_named(bool was_named);

// The text of a failure for people, with a hint if there is one.
std::string describe(const engine::Failure& failure);
// The result if condolock-tls can't take over.
CommandResult tls_is_missing(const std::string& why);
// The result of a command that ends with this failure.
CommandResult result_of(const engine::Failure& failure);

}  // namespace condolock::cli
