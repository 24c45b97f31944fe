#include "process/child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "process/exec_failure.hpp"

namespace condolock::process {

std::vector<std::string> paths_of(const std::string& name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> out;
  const char* path = getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  for (;;) {
    const std::size_t end = rest.find(':');
    const std::string directory(rest.substr(0, end));
    out.push_back((directory.empty() ? "." : directory) + "/" + name);
    if (end == std::string_view::npos) return out;
    rest.remove_prefix(end + 1);
  }
}

// ENOENT also means that the interpreter of a script is missing. For a name without a slash, exec also fails with EACCES if
// a directory of PATH may not be searched, and with ENAMETOOLONG for a shell line. In both cases there is no such file
// either.
SpawnError spawn_error(int error, const Command& command) {
  const auto file = find_program(command.argv[0]);
  const bool missing = !file && (error == ENOENT || error == ENOTDIR || command.argv[0].find('/') == std::string::npos);
  return {error, missing ? 127 : 126, explain_exec_failure(error, file, command.argv)};
}

void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    // Opened for the wrong direction, so that reading or writing still fails.
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  }
}

}  // namespace condolock::process
