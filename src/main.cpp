// Runs the command line and exits with its code. Only main() ends this process. An exception that arrives here is an
// internal error.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "cli/dispatch.hpp"
#include "cli/output/console.hpp"
#include "cli/output/write.hpp"
#include "process/child.hpp"
#include "process/core_dump.hpp"
#include "process/exec_beside.hpp"
#include "util/shortage.hpp"
#include "version.hpp"
#ifdef CONDOLOCK_TLS
#include "engine/redis/tls_transport.hpp"
#endif

int main(int argc, char** argv) {
  using condolock::cli::Console;
  int code = condolock::exit_code::internal;
  try {
    condolock::process::forbid_core_dump();
    condolock::process::occupy_standard_descriptors();
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
#ifdef CONDOLOCK_TLS
    condolock::engine::redis::provide_tls(condolock::engine::redis::connect_over_tls);
#endif
    auto result = condolock::cli::dispatch(arguments);
    if (result.needs_tls) {
      const std::string why = condolock::process::exec_beside("condolock-tls", CONDOLOCK_LIBEXEC, argv);
      result = condolock::cli::tls_is_missing(why);
    }
    code = result.exit_code;
    if (!result.error.empty()) Console(false, false).error(result.error);
    if (!condolock::cli::print(result.output)) {
      const std::string why = std::strerror(errno);
      Console(false, false).error("cannot write to standard output: " + why);
      code = condolock::exit_code::internal;
    }
  } catch (const std::system_error& error) {
    const bool shortage = condolock::util::is_local_shortage(error.code().value());
    if (shortage) code = condolock::exit_code::unreachable;
    Console(false, false).error((shortage ? "cannot start: " : "internal error: ") + std::string(error.what()));
  } catch (const std::bad_alloc&) {
    code = condolock::exit_code::unreachable;
    // Console needs memory, too.
    static_cast<void>(condolock::cli::write_all(
        STDERR_FILENO, "condolock: error: this machine has no memory left, or ulimit -v is too low\n"));
  } catch (const std::exception& error) {
    Console(false, false).error(std::string("internal error: ") + error.what());
  }
  // Nothing is left to flush or free. The destructors of all libraries would take longer than parsing the command line.
  _exit(code);
}
