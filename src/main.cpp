// Arguments in, exit code out; the only exit and the last catch.
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "process/child.hpp"

int main(int argc, char** argv) {
  using condolock::cli::Color;
  using condolock::cli::Console;
  int code = condolock::exit_code::internal;
  try {
    condolock::process::occupy_standard_descriptors();
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto ending = condolock::cli::main(arguments);
    code = ending.exit_code;
    if (!ending.error.empty()) Console(false, false, Color::automatic).error(ending.error);
    if (!condolock::cli::print(ending.output)) code = condolock::exit_code::internal;
  } catch (const std::exception& error) {
    Console(false, false, Color::automatic).error(std::string("internal error: ") + error.what());
  }
  // Nothing is left to be flushed or freed, and the destructors of all libraries would cost more than the whole parsing did.
  _exit(code);
}
