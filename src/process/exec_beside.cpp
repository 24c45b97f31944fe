#include "process/exec_beside.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "util/escape.hpp"

namespace condolock::process {

std::string exec_beside(const std::string& name, const std::string& other, char** argv) {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  if (length <= 0) return "cannot find the directory of this program without /proc";
  const std::string path(self.data(), static_cast<std::size_t>(length));
  const std::string directory = path.substr(0, path.rfind('/'));
  const std::string here = directory + "/" + name;
  const std::string there = directory + "/" + other + "/" + name;
  for (const std::string& program : {here, there}) {
    execv(program.c_str(), argv);
    if (errno != ENOENT) return util::escape(program) + ": " + std::strerror(errno);
  }
  return "there is neither " + util::escape(here) + " nor " + util::escape(there);
}

}  // namespace condolock::process
